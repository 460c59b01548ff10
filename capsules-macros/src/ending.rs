//! What the output does with the body's value: it ends the call, or hands it to the future or
//! the stream that ends it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;

use crate::args::{Args, Fold, Form};
use crate::names::{Names, own};
use crate::shape::{Boxing, Shape};

/// Whether the code may await.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Synchronous,
    Asynchronous,
}

/// The expression that the function returns, made of its `call` and `value`.
pub(crate) fn ending(shape: &Shape, place: Place, args: &Args, names: &Names) -> TokenStream {
    Ending { args, names }.of(shape, place)
}

struct Ending<'a> {
    args: &'a Args,
    names: &'a Names,
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
            Shape::Result(inner) => self.result(inner, place),
            Shape::Option(inner) => self.option(inner, place),
        }
    }

    /// `call.finish(..); value`
    fn value(&self, place: Place) -> TokenStream {
        let Names {
            private,
            value,
            recorded,
            ..
        } = self.names;
        let finish = self.finish(&self.returns(), place);
        if self.args.swallow_errors {
            return quote!(#finish #value);
        }
        quote!(#finish #private::or_error(#value, #recorded))
    }

    /// ```text
    /// call.run_async(value, |call, value| ..)
    /// ```
    /// or, where the end waits for the store,
    /// ```text
    /// async move { let (call, value) = call.run_async(value, Call::and).await; .. }
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
                #call.run_async::<#output, _, _, _>(#pinned, |#call, #value| { #rest })
            }
        };
        self.boxed(boxing, &future)
    }

    /// ```text
    /// call.run_stream(
    ///     value,
    ///     StreamEnd { .. },
    ///     |items, value, limits| items.read(&Returned(value).parts(), |error| .., |folded, item| ..),
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
        let [items, kept, limits, folded, parts] =
            ["items", "kept", "limits", "folded", "parts"].map(own);
        let pinned = self.pinned(boxing);
        let at_error = self.args.until.as_ref().is_none_or(|until| until.error);
        let report = match (self.waits(), self.args.swallow_errors) {
            (false, _) => quote!(#private::Option::None),
            (true, true) => quote!(#private::Option::Some(|_| #private::Option::None)),
            (true, false) => quote!(#private::Option::Some(#private::error_item)),
        };
        let error = self.error_text();
        let (fold, keep) = match &self.args.fold {
            None => (
                quote!(|(), _| ()),
                quote!(|#kept: (), #limits| #private::json_by_nothing(&#kept, #limits)),
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
                let result = self.result_json();
                let item = located(&kept, function.span());
                (
                    quote!(|#folded, #kept| (#function)(#folded, #item)),
                    quote! {
                        |#folded, #limits| {
                            #[allow(unused_imports)]
                            use #private::{
                                JsonByDebug as _, JsonByDisplay as _, JsonByNothing as _,
                                JsonBySerialize as _,
                            };
                            let #kept = &#folded;
                            #result
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
                    #[allow(unused_imports)]
                    use #private::{
                        ReturnedValue as _, TextByDebug as _, TextByDisplay as _,
                        TextBySerialize as _, TextByType as _,
                    };
                    let #parts = #private::Returned(#value).parts();
                    #items.read(&#parts, |#kept| #error, #fold)
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
    fn result(&self, inner: &Shape, place: Place) -> TokenStream {
        let Names { private, value, .. } = self.names;
        let inner = self.of(inner, place);
        let kept = own("kept");
        let limits = own("limits");
        let text = self.error_text();
        let finish = self.finish(
            &quote! {
                |#limits| {
                    #[allow(unused_imports)]
                    use #private::{
                        TextByDebug as _, TextByDisplay as _, TextBySerialize as _, TextByType as _,
                    };
                    let #kept = &#value;
                    #private::Returns::failure(#text)
                }
            },
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
    fn option(&self, inner: &Shape, place: Place) -> TokenStream {
        let Names { private, value, .. } = self.names;
        let inner = self.of(inner, place);
        let finish = self.finish(&quote!(|_| #private::Returns::nothing()), place);
        quote! {
            match #value {
                #private::Option::Some(#value) => #private::Option::Some({ #inner }),
                #private::Option::None => { #finish #private::Option::None }
            }
        }
    }

    /// `call.finish(returns);`, or the same with waiting for the store.
    fn finish(&self, returns: &TokenStream, place: Place) -> TokenStream {
        let Names { call, recorded, .. } = self.names;
        if !self.waits() {
            return quote!(#call.finish(#returns););
        }
        let wait = match place {
            Place::Asynchronous => quote!(finish_and_report(#returns).await),
            Place::Synchronous => quote!(finish_and_wait(#returns)),
        };
        // Where errors are swallowed, whether it worked is in the statistics.
        let ignored = self.args.swallow_errors.then(|| quote!(let _ = #recorded;));
        quote! {
            let #recorded = #call.#wait;
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

    /// The closure that reads the value.
    fn returns(&self) -> TokenStream {
        let Names { private, value, .. } = self.names;
        let parts = own("parts");
        let kept = own("kept");
        let limits = own("limits");
        let result = self.result_json();
        let error = self.error_text();
        quote! {
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
        }
    }

    /// The JSON of the result `kept`.
    fn result_json(&self) -> TokenStream {
        let private = &self.names.private;
        let kept = own("kept");
        let limits = own("limits");
        match self.args.result {
            Form::Best => quote!((&&&&#private::Json(#kept)).json(#limits)),
            Form::Json => quote!(#private::json_by_serialize(#kept, #limits)),
            Form::Display => quote!(#private::json_by_display(#kept, #limits)),
            Form::Debug => quote!(#private::json_by_debug(#kept, #limits)),
            Form::None => quote!(#private::json_by_nothing(#kept, #limits)),
        }
    }

    /// The text of the error `kept`.
    fn error_text(&self) -> TokenStream {
        let private = &self.names.private;
        let kept = own("kept");
        let limits = own("limits");
        match self.args.error {
            Form::Best => quote!((&&&&#private::Text(#kept)).text(#limits)),
            Form::Json => quote!(#private::text_by_serialize(#kept, #limits)),
            Form::Display => quote!(#private::text_by_display(#kept, #limits)),
            Form::Debug => quote!(#private::text_by_debug(#kept, #limits)),
            Form::None => quote!(#private::text_by_nothing(#kept, #limits)),
        }
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

/// One of our own variables where the user's code is what an error about it is due to.
fn located(own: &Ident, span: Span) -> Ident {
    Ident::new(&own.to_string(), own.span().located_at(span))
}

/// `let (call, value) = call.run_async(body, Call::and).await;`
pub(crate) fn run_async(names: &Names, body: &TokenStream) -> TokenStream {
    let Names {
        private,
        call,
        value,
        ..
    } = names;
    quote!(let (#call, #value) = #call.run_async(#body, #private::Call::and).await;)
}
