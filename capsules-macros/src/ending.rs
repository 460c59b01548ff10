//! What the output does with the body's value: it ends the call, or hands it to the future or
//! the stream that ends it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ReturnType;
use syn::spanned::Spanned;

use crate::args::{Args, Fold, Form};
use crate::function::Function;
use crate::names::{Names, own};
use crate::shape::{Boxing, Shape};

/// Whether the code may await.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Synchronous,
    Asynchronous,
}

/// The expression that the function returns, made of its `call` and `value`.
pub(crate) fn ending(
    function: &Function,
    shape: &Shape,
    place: Place,
    args: &Args,
    names: &Names,
) -> TokenStream {
    let unit = matches!(function.signature.output, ReturnType::Default);
    Ending { args, names, unit }.of(shape, place)
}

struct Ending<'a> {
    args: &'a Args,
    names: &'a Names,
    /// Whether the function returns nothing, which is cheaper to compile.
    unit: bool,
}

impl Ending<'_> {
    fn of(&self, shape: &Shape, place: Place) -> TokenStream {
        match shape {
            Shape::Value => self.value(place),
            Shape::Stream { boxing, item } => self.stream(*boxing, item),
            Shape::Future {
                boxing,
                output,
                then,
            } => self.future(*boxing, output, then),
            Shape::Result(inner) => self.ok(inner, place),
            Shape::Option(inner) => self.some(inner, place),
        }
    }

    /// `{ let (json, text) = (&Returned(&value)).kept(); call.finish(..); } value`
    fn value(&self, place: Place) -> TokenStream {
        let Names {
            private,
            value,
            recorded,
            ..
        } = self.names;
        let (json, text) = (own("json"), own("text"));
        let taken = match self.unit {
            true => TokenStream::new(),
            false => quote!(let (#json, #text) = (&#private::Returned(&#value)).kept();),
        };
        let (result, error) = match self.unit {
            true => (quote!(#private::Nothing), quote!(#private::Nothing)),
            false => (self.result(&json), self.error(&text)),
        };
        let finish = self.finish(&taken, &result, &error, place);
        if self.args.swallow_errors {
            return quote!(#finish #value);
        }
        quote!(#finish #private::or_error(#value, #recorded))
    }

    /// ```text
    /// call.end_with(value, |call, value| ..)
    /// ```
    /// or, where the end waits for the store,
    /// ```text
    /// async move { let (call, value) = call.run_async(value).await; .. }
    /// ```
    fn future(&self, boxing: Boxing, output: &TokenStream, then: &Shape) -> TokenStream {
        let Names { call, value, .. } = self.names;
        let pinned = self.pinned(boxing);
        let future = if self.waits() {
            let run = self.run_async(&pinned);
            let rest = self.of(then, Place::Asynchronous);
            quote!(async move { #run #rest })
        } else {
            let rest = self.of(then, Place::Synchronous);
            quote! {
                #call.end_with::<#output, _, _, _>(#pinned, |#call, #value| { #rest })
            }
        };
        self.boxed(boxing, &future)
    }

    /// ```text
    /// call.run_stream(
    ///     value,
    ///     StreamEnd { .. },
    ///     |items, value, limits| {
    ///         let (json, text) = (&Returned(value)).kept();
    ///         items.read(json.value(), text.., limits, |folded, item| ..)
    ///     },
    ///     |folded, limits| ..,
    /// )
    /// ```
    fn stream(&self, boxing: Boxing, item: &TokenStream) -> TokenStream {
        let Names {
            private,
            call,
            value,
            ..
        } = self.names;
        let [items, kept, limits, folded, json, text] =
            ["items", "kept", "limits", "folded", "json", "text"].map(own);
        let pinned = self.pinned(boxing);
        let at_error = self.args.until.as_ref().is_none_or(|until| until.error);
        let report = match (self.waits(), self.args.swallow_errors) {
            (false, _) => quote!(#private::Option::None),
            (true, true) => quote!(#private::Option::Some(|_| #private::Option::None)),
            (true, false) => quote!(#private::Option::Some(#private::error_item)),
        };
        let error = self.error(&text);
        let (fold, keep) = match &self.args.fold {
            None => (
                quote!(|(), _| ()),
                quote!(|(), #limits| #private::read(#private::Nothing, #limits)),
            ),
            Some(Fold::Text(span)) => {
                let item = located(&kept, *span);
                (
                    quote! {
                        |#folded, #kept| #private::FoldedText::push(#folded, #item, #limits)
                    },
                    quote!(|#folded, _| #private::FoldedText::finish(#folded)),
                )
            }
            Some(Fold::Function(function)) => {
                let item = located(&kept, function.span());
                let result = self.result(&json);
                (
                    quote!(|#folded, #kept| (#function)(#folded, #item)),
                    quote! {
                        |#folded, #limits| {
                            let #json = #private::Json::of(&#folded);
                            #private::read(#result, #limits)
                        }
                    },
                )
            }
        };
        let stream = quote! {
            #call.run_stream::<#item, _, _, _, _>(
                #pinned,
                #private::StreamEnd { at_error: #at_error, report: #report },
                |#items, #value, #limits| {
                    let (#json, #text) = (&#private::Returned(#value)).kept();
                    #items.read(#json.value(), #error, #limits, #fold)
                },
                #keep,
            )
        };
        self.boxed(boxing, &stream)
    }

    /// `let (call, value) = call.run_async(body, Call::and).await;`
    fn run_async(&self, body: &TokenStream) -> TokenStream {
        run_async(self.names, body)
    }

    /// `match value { Ok(value) => Ok(..), Err(error) => { call.finish(..); Err(error) } }`
    fn ok(&self, inner: &Shape, place: Place) -> TokenStream {
        let Names { private, value, .. } = self.names;
        let inner = self.of(inner, place);
        let text = own("text");
        let error = self.error(&text);
        let finish = self.finish(
            &quote!(let #text = #private::Text::of(&#value);),
            &quote!(#private::Nothing),
            &error,
            place,
        );
        quote! {
            match #value {
                #private::Result::Ok(#value) => #private::Result::Ok({ #inner }),
                #private::Result::Err(#value) => { #finish #private::Result::Err(#value) }
            }
        }
    }

    /// `match value { Some(value) => Some(..), None => { call.finish(..); None } }`
    fn some(&self, inner: &Shape, place: Place) -> TokenStream {
        let Names { private, value, .. } = self.names;
        let inner = self.of(inner, place);
        let nothing = quote!(#private::Nothing);
        let finish = self.finish(&TokenStream::new(), &nothing, &nothing, place);
        quote! {
            match #value {
                #private::Option::Some(#value) => #private::Option::Some({ #inner }),
                #private::Option::None => { #finish #private::Option::None }
            }
        }
    }

    /// `{ taken; call.finish(result, error); }`, or the same with waiting for the store, where
    /// no borrow of the value is held while it is awaited.
    fn finish(
        &self,
        taken: &TokenStream,
        result: &TokenStream,
        error: &TokenStream,
        place: Place,
    ) -> TokenStream {
        let Names { call, recorded, .. } = self.names;
        if !self.waits() {
            return quote!({ #taken #call.finish(#result, #error); });
        }
        let (wait, await_) = match place {
            Place::Asynchronous => (quote!(finish_and_report), quote!(.await)),
            Place::Synchronous => (quote!(finish_and_wait), TokenStream::new()),
        };
        // Where errors are swallowed, whether it worked is in the statistics.
        let ignored = self.args.swallow_errors.then(|| quote!(let _ = #recorded;));
        quote! {
            let #recorded = { #taken #call.#wait(#result, #error) };
            let #recorded = #recorded #await_;
            #ignored
        }
    }

    /// Whether the end of the call waits for the store.
    fn waits(&self) -> bool {
        !self.args.swallow_errors
            || self
                .args
                .durability
                .as_ref()
                .is_some_and(|variant| variant == "Committed")
    }

    /// How the result is kept, by a probe of it.
    fn result(&self, json: &Ident) -> TokenStream {
        kept(self.args.result, json)
    }

    /// How the error is kept, by a probe of it.
    fn error(&self, text: &Ident) -> TokenStream {
        kept(self.args.error, text)
    }

    /// The value, pinned as the type says.
    fn pinned(&self, boxing: Boxing) -> TokenStream {
        let Names { private, value, .. } = self.names;
        match boxing {
            Boxing::None | Boxing::Pinned => quote!(#value),
            Boxing::Boxed => quote!(#private::Box::into_pin(#value)),
        }
    }

    fn boxed(&self, boxing: Boxing, lazy: &TokenStream) -> TokenStream {
        let private = &self.names.private;
        match boxing {
            Boxing::None => quote!(#lazy),
            Boxing::Pinned => quote!(#private::Box::pin(#lazy)),
            Boxing::Boxed => quote!(#private::Box::new(#lazy)),
        }
    }
}

/// How a value is kept in this form, by a probe of it.
fn kept(form: Form, probe: &Ident) -> TokenStream {
    match form {
        Form::Best => quote!((&#probe).kept()),
        Form::Json => quote!(#probe.by_serialize()),
        Form::Display => quote!(#probe.by_display()),
        Form::Debug => quote!(#probe.by_debug()),
        Form::None => quote!(#probe.by_nothing()),
    }
}

/// One of our own variables where the user's code is what an error about it is due to.
fn located(own: &Ident, span: Span) -> Ident {
    Ident::new(&own.to_string(), own.span().located_at(span))
}

/// `let (call, value) = call.run_async(body).await;`
pub(crate) fn run_async(names: &Names, body: &TokenStream) -> TokenStream {
    let Names { call, value, .. } = names;
    quote!(let (#call, #value) = #call.run_async(#body).await;)
}
