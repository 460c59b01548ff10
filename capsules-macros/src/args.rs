//! The attribute's arguments.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, Expr, Lit, LitBool, LitInt, LitStr, Member, Path, Result, Token};

/// The eight types, with the variants that they name.
const TYPES: [(&str, &str); 8] = [
    ("agent", "Agent"),
    ("tool", "Tool"),
    ("system", "System"),
    ("kill", "Kill"),
    ("workflow", "Workflow"),
    ("chat", "Chat"),
    ("vault", "Vault"),
    ("auth", "Auth"),
];

const KEYS: &str = "`type`, `tenant_from`, `tenant_id`, `trigger_from`, `source`, `domain`, \
                    `agent_id`, `session_from`, `user_from`, `correlation_from`, `traceparent`, \
                    `skip`, `prompt`, `arguments`, \
                    `result`, `error`, `fold`, `until`, \
                    `swallow_errors`, `durability`, `boxed`, `capsules`, `crate`";

/// The arguments of one `#[audit(..)]`.
pub(crate) struct Args {
    /// The variant of `CapsuleType`.
    pub(crate) kind: Ident,
    pub(crate) tenant: Option<Source>,
    pub(crate) trigger: Trigger,
    pub(crate) source: Option<LitStr>,
    pub(crate) domain: Option<LitStr>,
    pub(crate) agent_id: Option<Expr>,
    pub(crate) session: Option<Source>,
    pub(crate) user: Option<Source>,
    pub(crate) correlation: Option<Source>,
    pub(crate) traceparent: Option<Source>,
    /// Parameters of which nothing is kept.
    pub(crate) skip: Vec<Ident>,
    /// What is kept as a hash only.
    pub(crate) prompt: Option<Source>,
    pub(crate) arguments: Arguments,
    pub(crate) result: Form,
    pub(crate) error: Form,
    /// What the items of a stream are folded to.
    pub(crate) fold: Option<Fold>,
    /// When the call of a stream ends.
    pub(crate) until: Option<Until>,
    pub(crate) swallow_errors: bool,
    /// The variant of `Durability`.
    pub(crate) durability: Option<Ident>,
    pub(crate) boxed: Option<Boxed>,
    pub(crate) capsules: Option<Expr>,
    pub(crate) krate: Option<Path>,
}

/// Where an identifier comes from.
pub(crate) enum Source {
    /// A parameter, or a field path on one: the first name must be a parameter's.
    Parameter(Expr, Ident),
    /// Any expression over the parameters.
    Expression(Expr),
}

/// Which parameter `trigger.request` is taken from.
pub(crate) enum Trigger {
    /// The first one, where there is one that can be named.
    Default,
    /// The parameter at a position that was asked for.
    Position(usize, Span),
    Name(Ident),
    None,
}

/// Which parameters are kept by their names.
#[derive(Default)]
pub(crate) enum Arguments {
    #[default]
    None,
    /// All that have a name, are not skipped and not kept as a hash.
    All,
    Listed(Vec<Ident>),
}

/// In which form a value is kept.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// The best that the type offers.
    Best,
    Json,
    Display,
    Debug,
    None,
}

/// What the items of a stream are folded to.
pub(crate) enum Fold {
    /// The items' texts, one after the other.
    Text(Span),
    /// A function of what they were folded to so far and an item.
    Function(Expr),
}

/// When the call of a stream ends.
pub(crate) struct Until {
    /// With its first error, or with its end.
    pub(crate) error: bool,
    pub(crate) span: Span,
}

/// The body of an asynchronous function lies on the heap.
pub(crate) struct Boxed {
    /// As a `dyn Future + Send`, so that nobody has to look into it to know that it is `Send`.
    pub(crate) send: bool,
    pub(crate) span: Span,
}

impl Boxed {
    fn new(key: &Ident, send: bool) -> Self {
        Self {
            send,
            span: key.span(),
        }
    }
}

impl Args {
    /// The parameter that is kept as a hash, or of which a field is.
    pub(crate) fn hashed(&self) -> Option<&Ident> {
        match &self.prompt {
            Some(Source::Parameter(_, name)) => Some(name),
            Some(Source::Expression(_)) | None => None,
        }
    }

    /// Reads the arguments.
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        Self::parse_keys.parse2(tokens)
    }

    fn parse_keys(input: ParseStream<'_>) -> Result<Self> {
        let mut keys = Keys::default();
        while !input.is_empty() {
            keys.parse_one(input)?;
            if input.is_empty() {
                break;
            }
            input.parse::<Token![,]>()?;
        }
        keys.finish(input.span())
    }
}

/// The keys that have been read so far.
#[derive(Default)]
struct Keys {
    seen: Vec<String>,
    kind: Option<Ident>,
    tenant: Option<Source>,
    trigger: Option<Trigger>,
    source: Option<LitStr>,
    domain: Option<LitStr>,
    agent_id: Option<Expr>,
    session: Option<Source>,
    user: Option<Source>,
    correlation: Option<Source>,
    traceparent: Option<Source>,
    skip: Vec<Ident>,
    prompt: Option<Source>,
    arguments: Arguments,
    result: Option<Form>,
    error: Option<Form>,
    fold: Option<Fold>,
    until: Option<Until>,
    swallow_errors: Option<bool>,
    durability: Option<Ident>,
    boxed: Option<Boxed>,
    capsules: Option<Expr>,
    krate: Option<Path>,
}

impl Keys {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error(format!("expected one of the keys {KEYS}")));
        }
        // `type` and `crate` are keywords.
        let key = input.call(Ident::parse_any)?;
        let name = key.to_string();
        if self.seen.contains(&name) {
            return Err(Error::new(key.span(), format!("`{name}` is given twice")));
        }
        // The first two are lists of names, the third has no value.
        if name == "skip" {
            self.skip = parse_names(&key, "password", input)?;
        } else if name == "arguments" {
            self.arguments = parse_arguments(&key, input)?;
        } else if name == "boxed" && !input.peek(Token![=]) {
            self.boxed = Some(Boxed::new(&key, false));
        } else {
            self.parse_value(&key, &name, input)?;
        }
        self.seen.push(name);
        Ok(())
    }

    /// `key = value`.
    fn parse_value(&mut self, key: &Ident, name: &str, input: ParseStream<'_>) -> Result<()> {
        if !input.peek(Token![=]) {
            return match known(name) {
                true => Err(Error::new(
                    key.span(),
                    format!("`{name}` needs a value: `{name} = …`"),
                )),
                false => Err(unknown(key)),
            };
        }
        input.parse::<Token![=]>()?;
        match name {
            "type" => self.kind = Some(parse_type(input)?),
            "tenant_from" => {
                self.only_one(key, "tenant_id")?;
                self.tenant = Some(parse_parameter(input)?);
            }
            "tenant_id" => {
                self.only_one(key, "tenant_from")?;
                self.tenant = Some(Source::Expression(input.parse()?));
            }
            "trigger_from" => self.trigger = Some(parse_trigger(input)?),
            "source" => self.source = Some(parse_text(input, "source")?),
            "domain" => self.domain = Some(parse_text(input, "domain")?),
            "agent_id" => self.agent_id = Some(input.parse()?),
            "session_from" => self.session = Some(parse_parameter(input)?),
            "user_from" => self.user = Some(parse_parameter(input)?),
            "correlation_from" => {
                self.only_one(key, "traceparent")?;
                self.correlation = Some(parse_parameter(input)?);
            }
            "traceparent" => {
                self.only_one(key, "correlation_from")?;
                self.traceparent = Some(parse_parameter_or_expression(input)?);
            }
            "prompt" => self.prompt = Some(parse_parameter(input)?),
            "result" => self.result = Some(parse_form(input)?),
            "error" => self.error = Some(parse_form(input)?),
            "fold" => self.fold = Some(parse_fold(input)?),
            "until" => self.until = Some(parse_until(input)?),
            "swallow_errors" => self.swallow_errors = Some(parse_bool(input)?),
            "durability" => self.durability = Some(parse_durability(input)?),
            "boxed" => self.boxed = Some(parse_boxed(key, input)?),
            "capsules" => self.capsules = Some(input.parse()?),
            "crate" => self.krate = Some(parse_path(input)?),
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    /// Refuses a key beside another that means the same.
    fn only_one(&self, key: &Ident, other: &str) -> Result<()> {
        if self.seen.iter().any(|seen| seen == other) {
            let message = format!("`{other}` and `{key}` cannot be given together");
            return Err(Error::new(key.span(), message));
        }
        Ok(())
    }

    fn finish(self, end: Span) -> Result<Args> {
        let Some(kind) = self.kind else {
            let message = format!(
                "`type` is required, such as `type = \"agent\"`; {}",
                types()
            );
            return Err(Error::new(end, message));
        };
        Ok(Args {
            kind,
            tenant: self.tenant,
            trigger: self.trigger.unwrap_or(Trigger::Default),
            source: self.source,
            domain: self.domain,
            agent_id: self.agent_id,
            session: self.session,
            user: self.user,
            correlation: self.correlation,
            traceparent: self.traceparent,
            skip: self.skip,
            prompt: self.prompt,
            arguments: self.arguments,
            result: self.result.unwrap_or(Form::Best),
            error: self.error.unwrap_or(Form::Best),
            fold: self.fold,
            until: self.until,
            swallow_errors: self.swallow_errors.unwrap_or(true),
            durability: self.durability,
            boxed: self.boxed,
            capsules: self.capsules,
            krate: self.krate,
        })
    }
}

fn known(name: &str) -> bool {
    KEYS.split(", ").any(|key| key.trim_matches('`') == name)
}

fn unknown(key: &Ident) -> Error {
    Error::new(
        key.span(),
        format!("unknown key `{key}`; the keys are {KEYS}"),
    )
}

fn types() -> String {
    let names: Vec<_> = TYPES
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    format!("the types are {}", names.join(", "))
}

fn parse_type(input: ParseStream<'_>) -> Result<Ident> {
    let span = input.span();
    let name: LitStr = input
        .parse()
        .map_err(|_| Error::new(span, format!("`type` is a string; {}", types())))?;
    match TYPES.iter().find(|(text, _)| *text == name.value()) {
        Some((_, variant)) => Ok(Ident::new(variant, name.span())),
        None => {
            let message = format!("unknown type \"{}\"; {}", name.value(), types());
            Err(Error::new(name.span(), message))
        }
    }
}

fn parse_text(input: ParseStream<'_>, key: &str) -> Result<LitStr> {
    let span = input.span();
    let text: LitStr = input
        .parse()
        .map_err(|_| Error::new(span, format!("`{key}` is a string")))?;
    if text.value().is_empty() {
        return Err(Error::new(
            text.span(),
            format!("`{key}` must not be empty"),
        ));
    }
    Ok(text)
}

fn parse_bool(input: ParseStream<'_>) -> Result<bool> {
    let span = input.span();
    let value: LitBool = input
        .parse()
        .map_err(|_| Error::new(span, "`swallow_errors` is `true` or `false`"))?;
    Ok(value.value)
}

fn parse_fold(input: ParseStream<'_>) -> Result<Fold> {
    if !input.peek(LitStr) {
        return Ok(Fold::Function(input.parse()?));
    }
    let text: LitStr = input.parse()?;
    match &*text.value() {
        "text" => Ok(Fold::Text(text.span())),
        _ => {
            let message = "expected \"text\", or a function such as `add: fn(&mut Sum, &Item)`";
            Err(Error::new(text.span(), message))
        }
    }
}

fn parse_until(input: ParseStream<'_>) -> Result<Until> {
    let span = input.span();
    let error = match input.parse::<LitStr>().map(|text| text.value()).as_deref() {
        Ok("error") => true,
        Ok("end") => false,
        _ => return Err(Error::new(span, "expected \"error\" or \"end\"")),
    };
    Ok(Until { error, span })
}

fn parse_boxed(key: &Ident, input: ParseStream<'_>) -> Result<Boxed> {
    let span = input.span();
    match input.parse::<LitStr>().map(|text| text.value()).as_deref() {
        Ok("send") => Ok(Boxed::new(key, true)),
        _ => Err(Error::new(
            span,
            "expected \"send\", or `boxed` without a value",
        )),
    }
}

fn parse_durability(input: ParseStream<'_>) -> Result<Ident> {
    let span = input.span();
    let variant = match input.parse::<LitStr>().map(|text| text.value()).as_deref() {
        Ok("journaled") => "Journaled",
        Ok("committed") => "Committed",
        Ok("memory") => "Memory",
        _ => {
            let message = "expected \"journaled\", \"committed\" or \"memory\"";
            return Err(Error::new(span, message));
        }
    };
    Ok(Ident::new(variant, span))
}

fn parse_path(input: ParseStream<'_>) -> Result<Path> {
    if input.peek(LitStr) {
        return input.parse::<LitStr>()?.parse();
    }
    input.call(Path::parse_mod_style)
}

/// A parameter or a field path on one, as a string or bare.
fn parse_parameter(input: ParseStream<'_>) -> Result<Source> {
    let message = "expected a parameter or a field of one, such as \"site_id\" or \"ctx.site_id\"";
    let (expr, span) = if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        (
            text.parse::<Expr>()
                .map_err(|_| Error::new(text.span(), message))?,
            text.span(),
        )
    } else {
        let expr: Expr = input.parse()?;
        let span = expr.span();
        (expr, span)
    };
    match root(&expr) {
        Some(name) => Ok(Source::Parameter(expr, name)),
        None => Err(Error::new(span, message)),
    }
}

/// `arguments`, or `arguments(a, b)`.
fn parse_arguments(key: &Ident, input: ParseStream<'_>) -> Result<Arguments> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Arguments::All);
    }
    parse_names(key, "query", input).map(Arguments::Listed)
}

/// `key(a, b)`.
fn parse_names(key: &Ident, example: &str, input: ParseStream<'_>) -> Result<Vec<Ident>> {
    let message = format!("expected the names of parameters, such as `{key}({example})`");
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(key.span(), message));
    }
    let list;
    let parentheses = syn::parenthesized!(list in input);
    let names = list
        .parse_terminated(Ident::parse_any, Token![,])
        .map_err(|error| Error::new(error.span(), &message))?;
    if names.is_empty() {
        return Err(Error::new(parentheses.span.join(), message));
    }
    Ok(names.into_iter().collect())
}

/// A parameter as a string, or any expression.
fn parse_parameter_or_expression(input: ParseStream<'_>) -> Result<Source> {
    if input.peek(LitStr) {
        return parse_parameter(input);
    }
    Ok(Source::Expression(input.parse()?))
}

/// The name that a field path begins with; `None` for any other expression.
fn root(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Path(path) => path.path.get_ident().cloned(),
        Expr::Field(field) => match &field.member {
            Member::Named(_) | Member::Unnamed(_) => root(&field.base),
        },
        _ => None,
    }
}

fn parse_trigger(input: ParseStream<'_>) -> Result<Trigger> {
    let message = "expected the name of a parameter, its position, or `none`";
    if input.peek(LitInt) {
        let position: LitInt = input.parse()?;
        return Ok(Trigger::Position(position.base10_parse()?, position.span()));
    }
    let name = if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        text.parse_with(Ident::parse_any)
            .map_err(|_| Error::new(text.span(), message))?
    } else {
        let span = input.span();
        input
            .call(Ident::parse_any)
            .map_err(|_| Error::new(span, message))?
    };
    if name == "none" {
        Ok(Trigger::None)
    } else {
        Ok(Trigger::Name(name))
    }
}

fn parse_form(input: ParseStream<'_>) -> Result<Form> {
    let span = input.span();
    let name = match input.parse::<Lit>() {
        Ok(Lit::Str(text)) => text.value(),
        Ok(other) => other.to_token_stream().to_string(),
        Err(_) => input
            .call(Ident::parse_any)
            .map(|name| name.to_string())
            .unwrap_or_default(),
    };
    match name.as_str() {
        "json" => Ok(Form::Json),
        "display" => Ok(Form::Display),
        "debug" => Ok(Form::Debug),
        "none" => Ok(Form::None),
        _ => Err(Error::new(
            span,
            "expected \"json\", \"display\", \"debug\" or \"none\"",
        )),
    }
}
