//! The expansion.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Result, parse_quote};

use crate::args::{Args, Form, Source};
use crate::function::Function;
use crate::params;

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
///     let mut call = Call::begin(&Site { .. }, None, |inputs| { inputs.request = ..; });
///     let value = call.run_async(async move {
///         if false { let hint: R = loop {}; return hint; }
///         let mut a = a;
///         { const _: () = (); body }
///     }).await;
///     call.finish(|| Returns::of(..value..));
///     value
/// }
/// ```
/// and a function that is not asynchronous the same with `call.run(move || -> R { .. })`.
fn expand(args: &Args, mut function: Function) -> Result<TokenStream> {
    let names = Names::new(args);
    let begin = begin(args, &function, &names)?;
    let rebound = params::rebind_mutable(&mut function.signature);
    let run = run(&function, &names, &rebound);
    let finish = finish(args, &function, &names);

    let Function {
        attributes,
        visibility,
        defaultness,
        signature,
        body,
    } = &function;
    let value = &names.value;
    // A function that never returns has no value to finish with.
    let rest = if function.diverges() {
        run
    } else {
        quote!(let #value = #run; #finish #value)
    };
    let block = quote_spanned! {body.span()=> {
        #begin
        #rest
    }};
    Ok(quote! {
        #(#attributes)*
        #visibility #defaultness #signature #block
    })
}

/// The paths and variables of the output. The variables are invisible to the user's code.
struct Names {
    private: TokenStream,
    call: Ident,
    inputs: Ident,
    value: Ident,
}

impl Names {
    fn new(args: &Args) -> Self {
        let krate = args
            .krate
            .clone()
            .unwrap_or_else(|| parse_quote!(::capsules));
        Self {
            private: quote!(#krate::__private),
            call: own("call"),
            inputs: own("inputs"),
            value: own("value"),
        }
    }
}

/// A variable that the user's code cannot see. Its prefix keeps it from being read as one of the
/// user's constants or unit structs, which hygiene does not.
fn own(name: &str) -> Ident {
    format_ident!("__capsules_{name}", span = Span::mixed_site())
}

/// `let call = Call::begin(..);`
fn begin(args: &Args, function: &Function, names: &Names) -> Result<TokenStream> {
    let Names {
        private,
        call,
        inputs,
        ..
    } = names;
    let signature = &function.signature;
    let kind = &args.kind;
    let short_name = signature.ident.to_string();
    let source = option(private, args.source.as_ref());
    let domain = args
        .domain
        .as_ref()
        .map_or_else(|| quote!("agents"), |text| quote!(#text));
    let durability = match &args.durability {
        Some(variant) => quote!(#private::Option::Some(#private::Durability::#variant)),
        None => quote!(#private::Option::None),
    };
    let capsules = match &args.capsules {
        Some(capsules) => quote!(#private::Option::Some(#private::borrow(&#capsules))),
        None => quote!(#private::Option::None),
    };

    let mut fields = TokenStream::new();
    if let Some(name) = params::trigger(&args.trigger, signature)? {
        fields.extend(quote_spanned! {name.span()=>
            #inputs.request = #private::Option::Some({
                #[allow(unused_imports)]
                use #private::{TextByDebug as _, TextByDisplay as _, TextBySerialize as _, TextByType as _};
                (&&&&#private::Text(&#name)).text(#inputs.limits)
            });
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
            #inputs.#field = {
                #[allow(unused_imports)]
                use #private::IdByDisplay as _;
                #private::Id(&#expr).id()
            };
        });
    }
    if let Some(source) = &args.traceparent {
        let expr = params::expression(source, signature)?;
        fields.extend(quote_spanned! {expr.span()=>
            #inputs.correlation = {
                #[allow(unused_imports)]
                use #private::IdByDisplay as _;
                #private::trace_id(#private::Id(&#expr).id())
            };
        });
    }

    Ok(quote! {
        // A parameter named `_task` is read here and nowhere else.
        #[allow(clippy::used_underscore_binding)]
        let mut #call = {
            fn __capsules_here() {}
            #private::Call::begin(
                &#private::Site {
                    kind: #private::CapsuleType::#kind,
                    name: #private::enclosing_function(__capsules_here),
                    short_name: #short_name,
                    source: #source,
                    domain: #domain,
                    durability: #durability,
                },
                #capsules,
                |#inputs| { #fields },
            )
        };
    })
}

/// The body, run by the call.
fn run(function: &Function, names: &Names, rebound: &TokenStream) -> TokenStream {
    let Names { call, .. } = names;
    let output = function.nameable_output();
    let statements = function.body.stream();
    // The item keeps a body that is a single expression from being linted as braces for nothing.
    let body = quote_spanned!(function.body.span()=> { const _: () = (); #statements });
    if function.signature.asyncness.is_none() {
        return quote!(#call.run(move || -> #output { #rebound #body }));
    }
    let hint = if function.diverges() {
        quote!()
    } else {
        let hint = own("hint");
        quote! {
            // The type of every `return` and `?` in the body.
            #[allow(
                unknown_lints, unreachable_code, clippy::diverging_sub_expression,
                clippy::empty_loop, clippy::let_unit_value, clippy::let_with_type_underscore,
                clippy::needless_return, clippy::unreachable
            )]
            if false {
                let #hint: #output = loop {};
                return #hint;
            }
        }
    };
    quote!(#call.run_async(async move { #hint #rebound #body }).await)
}

/// `call.finish(..);`
fn finish(args: &Args, function: &Function, names: &Names) -> TokenStream {
    let Names {
        private,
        call,
        value,
        ..
    } = names;
    let parts = own("parts");
    let kept = own("kept");
    let limits = own("limits");
    let result = match args.result {
        Form::Best => quote!((&&&&#private::Json(#kept)).json(#limits)),
        Form::Json => quote!(#private::json_by_serialize(#kept, #limits)),
        Form::Display => quote!(#private::json_by_display(#kept, #limits)),
        Form::Debug => quote!(#private::json_by_debug(#kept, #limits)),
        Form::None => quote!(#private::json_by_nothing(#kept, #limits)),
    };
    let error = match args.error {
        Form::Best => quote!((&&&&#private::Text(#kept)).text(#limits)),
        Form::Json => quote!(#private::text_by_serialize(#kept, #limits)),
        Form::Display => quote!(#private::text_by_display(#kept, #limits)),
        Form::Debug => quote!(#private::text_by_debug(#kept, #limits)),
        Form::None => quote!(#private::text_by_nothing(#kept, #limits)),
    };
    let returns = quote! {
        |#limits| {
            #[allow(unused_imports)]
            use #private::{
                JsonByDebug as _, JsonByDisplay as _, JsonByNothing as _, JsonBySerialize as _,
                ReturnedValue as _, TextByDebug as _, TextByDisplay as _, TextBySerialize as _,
                TextByType as _,
            };
            let #parts = #private::Returned(&#value).parts();
            #private::Returns::of(&#parts, |#kept| #result, |#kept| #error)
        }
    };
    let waits = args
        .durability
        .as_ref()
        .is_some_and(|variant| variant == "Committed");
    if args.swallow_errors && !waits {
        return quote!(#call.finish(#returns););
    }
    let recorded = own("recorded");
    let answer = match function.signature.asyncness {
        Some(_) => quote!(.await),
        None => quote!(.wait()),
    };
    let finish = quote!(let #recorded = #call.finish_and_report(#returns) #answer;);
    if args.swallow_errors {
        // Whether it worked is in the statistics.
        return quote!(#finish let _ = #recorded;);
    }
    quote! {
        #finish
        let #value = #private::or_error(#value, #recorded);
    }
}

fn option(private: &TokenStream, value: Option<&impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(#private::Option::Some(#value)),
        None => quote!(#private::Option::None),
    }
}
