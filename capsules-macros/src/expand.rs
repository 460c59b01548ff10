//! The expansion.

use proc_macro2::{Delimiter, Group, Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Result, Signature};

use crate::args::{Args, Boxed, Fold, Source};
use crate::ending::{Place, ending, run_async};
use crate::function::Function;
use crate::names::Names;
use crate::params;
use crate::shape::Shape;
use crate::skip;

/// Expands the attribute. On any error the function stays as it is, beside the error.
pub(crate) fn audit(args: TokenStream, item: &TokenStream) -> TokenStream {
    let expanded = Args::parse(args).and_then(|args| {
        Function::parse(item.clone()).and_then(|function| expand(&args, function))
    });
    expanded.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#error #item)
    })
}

/// ```text
/// async fn f(mut a: A, b: &B) -> R { body }
/// ```
/// becomes
/// ```text
/// async fn f(a: A, b: &B) -> R {
///     use ::capsules::__private::{self as __capsules, Probe as _};
///     enum __CapsulesHere {}
///     let call = Call::begin_later(&Function { .. }, (&Text::of(&a)).kept());
///     let (call, value) = call.run_async(async move {
///         if false { return hint::<R>(); }
///         let mut a = a;
///         { body }
///     }).await;
///     { let (json, text) = (&Returned(&value)).kept(); call.finish(json.., text..); }
///     value
/// }
/// ```
/// A function that is not asynchronous has `let value = call.run(move || -> R { .. });` instead,
/// and one that returns a future ends with `call.end_with(value, |call, value| { .. })`.
fn expand(args: &Args, mut function: Function) -> Result<TokenStream> {
    let names = Names::new(args);
    let shape = function.shape();
    refuse_keys_of_streams(args, &shape)?;
    if let (Some(boxed), None) = (&args.boxed, function.signature.asyncness) {
        let message = "`boxed` is for `async fn`; this function can box what it returns itself";
        return Err(Error::new(boxed.span, message));
    }
    let begin = begin(args, &function, &shape, &names)?;
    let rebound = params::rebind(&mut function.signature, &begin);
    let run = run(args, &function, &shape, &names, &rebound);
    let place = match function.signature.asyncness {
        Some(_) => Place::Asynchronous,
        None => Place::Synchronous,
    };
    let ending = match (function.diverges(), place) {
        (false, _) => ending(&function, &shape, place, args, &names),
        // A function that never returns has no value to end with.
        (true, Place::Synchronous) => TokenStream::new(),
        (true, Place::Asynchronous) => {
            let Names { call, value, .. } = &names;
            quote!(let _ = #call; #value)
        }
    };

    let Function {
        attributes,
        visibility,
        defaultness,
        signature,
        body,
    } = &function;
    let block = quote_spanned! {body.span()=> {
        #begin
        #run
        #ending
    }};
    Ok(quote! {
        #(#attributes)*
        #visibility #defaultness #signature #block
    })
}

/// Refuses keys that mean nothing where no stream is returned.
fn refuse_keys_of_streams(args: &Args, shape: &Shape) -> Result<()> {
    if shape.is_stream() {
        return Ok(());
    }
    let fold = args.fold.as_ref().map(|fold| match fold {
        Fold::Text(span) => ("fold", *span),
        Fold::Function(function) => ("fold", function.span()),
    });
    let until = args.until.as_ref().map(|until| ("until", until.span));
    match fold.or(until) {
        Some((key, span)) => Err(Error::new(
            span,
            format!(
                "`{key}` is for functions that return a stream, and this return type names none"
            ),
        )),
        None => Ok(()),
    }
}

/// `let call = Call::begin(..);`
fn begin(args: &Args, function: &Function, shape: &Shape, names: &Names) -> Result<TokenStream> {
    let Names {
        path,
        private,
        call,
        ..
    } = names;
    let signature = &function.signature;
    skip::check(args, signature)?;
    let kind = &args.kind;
    let short_name = signature.ident.unraw().to_string();
    let source = option(private, args.source.as_ref());
    let domain = args
        .domain
        .as_ref()
        .map_or_else(|| quote!("agents"), |text| quote!(#text));
    let durability = args.durability.as_ref();
    let durability = durability.map(|variant| quote!(#private::Durability::#variant));
    let durability = option(private, durability.as_ref());
    let inputs = inputs(args, signature, names)?;
    // A parameter named `_task` is read here and nowhere else.
    let allow = params::names(signature)
        .iter()
        .flatten()
        .any(|name| name.to_string().starts_with('_'))
        .then(|| quote!(#[allow(clippy::used_underscore_binding)]));

    let mutability = signature.asyncness.is_none().then(|| quote!(mut));
    // Otherwise the call begins with the first poll of the body, or of what it returns.
    let at_once = signature.asyncness.is_none() && matches!(shape, Shape::Value);
    let begin = match (at_once, &inputs) {
        (true, Inputs::Request(_)) => quote!(begin),
        (true, Inputs::More(_)) => quote!(begin_with),
        (false, Inputs::Request(_)) => quote!(begin_later),
        (false, Inputs::More(_)) => quote!(begin_later_with),
    };
    let (Inputs::Request(inputs) | Inputs::More(inputs)) = inputs;
    Ok(quote! {
        #[allow(unused_imports)]
        use #path::{self as #private, Probe as _};
        enum __CapsulesHere {}
        #allow
        let #mutability #call = #private::Call::#begin(
            &#private::Function {
                kind: #private::CapsuleType::#kind,
                here: #private::type_name::<__CapsulesHere>,
                name: #short_name,
                source: #source,
                domain: #domain,
                durability: #durability,
            },
            #inputs,
        );
    })
}

/// What reads the inputs of the call.
enum Inputs {
    /// Of the usual function its request: less is compiled for it.
    Request(TokenStream),
    /// The instance and a closure.
    More(TokenStream),
}

fn inputs(args: &Args, signature: &Signature, names: &Names) -> Result<Inputs> {
    let Names {
        private, inputs, ..
    } = names;
    let trigger = params::trigger(args, signature)?.map(|name| {
        let value = params::borrowed(&name, signature);
        let text = quote_spanned!(name.span()=> (&#private::Text::of(#value)).kept());
        (name.span(), params::cfg(&name, signature), text)
    });
    let fields = fields(args, signature, names)?;
    let only_request = fields.is_empty() && args.capsules.is_none();
    let request = match trigger {
        Some((_, cfg, text)) if only_request && cfg.is_empty() => return Ok(Inputs::Request(text)),
        None if only_request => return Ok(Inputs::Request(quote!(#private::Nothing))),
        Some((span, cfg, text)) => quote_spanned!(span=> #(#cfg)* #inputs.request(#text);),
        None => TokenStream::new(),
    };
    let capsules = args.capsules.as_ref();
    let capsules = capsules.map(|capsules| quote!(#private::borrow(&#capsules)));
    let capsules = option(private, capsules.as_ref());
    Ok(Inputs::More(quote! {
        #capsules,
        &mut #private::Option::Some(|#inputs: &mut #private::Inputs| { #request #fields })
    }))
}

/// The inputs besides the request.
fn fields(args: &Args, signature: &Signature, names: &Names) -> Result<TokenStream> {
    let Names {
        private, inputs, ..
    } = names;
    let mut fields = TokenStream::new();
    for name in params::arguments(args, signature)? {
        let text = name.unraw().to_string();
        let value = params::borrowed(&name, signature);
        let cfg = params::cfg(&name, signature);
        fields.extend(quote_spanned! {name.span()=>
            #(#cfg)*
            #inputs.argument(#text, (&#private::Json::of(#value)).kept());
        });
    }
    let agent_id = args.agent_id.clone().map(Source::Expression);
    let sources = [
        ("agent_id", agent_id.as_ref()),
        ("tenant", args.tenant.as_ref()),
        ("session", args.session.as_ref()),
        ("user", args.user.as_ref()),
        ("correlation", args.correlation.as_ref()),
    ];
    for (field, source) in sources {
        let Some(source) = source else { continue };
        let expr = params::expression(source, signature)?;
        let field = format_ident!("{field}");
        fields.extend(quote_spanned! {expr.span()=>
            #inputs.#field = (&#private::Id(&#expr)).kept();
        });
    }
    if let Some(source) = &args.prompt {
        let expr = params::expression(source, signature)?;
        fields.extend(quote_spanned! {expr.span()=>
            #inputs.prompt_hash = #private::prompt_hash(&#expr);
        });
    }
    if let Some(source) = &args.traceparent {
        let expr = params::expression(source, signature)?;
        fields.extend(quote_spanned! {expr.span()=>
            #inputs.correlation = #private::trace_id((&#private::Id(&#expr)).kept());
        });
    }
    Ok(fields)
}

/// The body, run by the call.
fn run(
    args: &Args,
    function: &Function,
    shape: &Shape,
    names: &Names,
    rebound: &TokenStream,
) -> TokenStream {
    let Names {
        private,
        call,
        value,
        ..
    } = names;
    let output = function.nameable_output();
    let body = &function.body;
    if function.signature.asyncness.is_some() {
        let hint = (!function.diverges()).then(|| hint(private, &output));
        let body = within(body);
        let body = quote!(async move { #hint #rebound #body });
        let body = match &args.boxed {
            None => body,
            Some(Boxed { send: false, .. }) => quote!(#private::Box::pin(#body)),
            Some(Boxed { send: true, .. }) => quote!(#private::boxed_send(#body)),
        };
        let run = run_async(names, &body);
        // Clippy takes an asynchronous block that gives a future for a forgotten `.await`.
        let allow = matches!(shape, Shape::Future { .. })
            .then(|| quote!(#[allow(clippy::async_yields_async)]));
        return quote!(#allow #run);
    }
    let body = match rebound.is_empty() {
        true => quote!(#body),
        false => {
            let body = within(body);
            quote!({ #rebound #body })
        }
    };
    let run = quote!(#call.run(move || -> #output #body));
    if function.diverges() {
        run
    } else {
        quote!(let #value = #run;)
    }
}

/// `{ body }` → `{ ; body }`, for a block within another: the compiler takes the braces of a body
/// on one line for unnecessary ones there.
fn within(body: &Group) -> Group {
    let mut inside = quote!(;);
    inside.extend(body.stream());
    let mut block = Group::new(Delimiter::Brace, inside);
    block.set_span(body.span());
    block
}

/// The type of every `return` and `?` in an asynchronous body.
fn hint(private: &Ident, output: &TokenStream) -> TokenStream {
    quote! {
        #[allow(unreachable_code, clippy::needless_return)]
        if false {
            return #private::hint::<#output>();
        }
    }
}

fn option(private: &Ident, value: Option<&impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(#private::Option::Some(#value)),
        None => quote!(#private::Option::None),
    }
}
