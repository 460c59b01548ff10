//! What a function returns, as far as it decides when its call ends.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{GenericArgument, PathArguments, PathSegment, Type, TypeParamBound};

/// When the call of a function ends, as its return type tells.
pub(crate) enum Shape {
    /// With its return.
    Value,
    /// With the end of a future, whose output may be lazy as well.
    Future {
        boxing: Boxing,
        /// The output, as far as the type names it.
        output: TokenStream,
        then: Box<Self>,
    },
    /// With the end of a stream.
    Stream {
        boxing: Boxing,
        /// The items, as far as the type names them.
        item: TokenStream,
    },
    /// With what is inside of an `Ok`, or with an `Err`.
    Result(Box<Self>),
    /// With what is inside of a `Some`, or with `None`.
    Option(Box<Self>),
}

/// How a future or a stream is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boxing {
    /// `impl Future`.
    None,
    /// `Pin<Box<dyn Future>>`.
    Pinned,
    /// `Box<dyn Future>`.
    Boxed,
}

#[derive(Clone, Copy)]
enum Kind {
    Future,
    Stream,
}

impl Shape {
    /// Reads a return type. An alias that hides a future or a stream is a value.
    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            Type::Paren(ty) => Self::of(&ty.elem),
            Type::Group(ty) => Self::of(&ty.elem),
            Type::ImplTrait(ty) => Self::of_bounds(ty.bounds.iter(), Boxing::None),
            Type::Path(ty) => ty.path.segments.last().map_or(Self::Value, Self::of_path),
            _ => Self::Value,
        }
    }

    /// Whether it comes to a stream.
    pub(crate) fn is_stream(&self) -> bool {
        match self {
            Self::Value => false,
            Self::Stream { .. } => true,
            Self::Future { then, .. } => then.is_stream(),
            Self::Result(inner) | Self::Option(inner) => inner.is_stream(),
        }
    }

    fn of_path(last: &PathSegment) -> Self {
        let first = types(last).next();
        match &*last.ident.to_string() {
            "BoxFuture" | "LocalBoxFuture" => {
                Self::lazy(Kind::Future, Boxing::Pinned, types(last).last())
            }
            "BoxStream" | "LocalBoxStream" => {
                Self::lazy(Kind::Stream, Boxing::Pinned, types(last).last())
            }
            "Pin" => first
                .and_then(boxed)
                .map_or(Self::Value, |ty| Self::of_boxed(ty, Boxing::Pinned)),
            "Box" => first.map_or(Self::Value, |ty| Self::of_boxed(ty, Boxing::Boxed)),
            "Result" => first.map_or(Self::Value, |ty| Self::inside(ty, Self::Result)),
            "Option" => first.map_or(Self::Value, |ty| Self::inside(ty, Self::Option)),
            _ => Self::Value,
        }
    }

    fn of_boxed(ty: &Type, boxing: Boxing) -> Self {
        match ty {
            Type::Paren(ty) => Self::of_boxed(&ty.elem, boxing),
            Type::Group(ty) => Self::of_boxed(&ty.elem, boxing),
            Type::TraitObject(ty) => Self::of_bounds(ty.bounds.iter(), boxing),
            Type::ImplTrait(ty) => Self::of_bounds(ty.bounds.iter(), boxing),
            _ => Self::Value,
        }
    }

    fn of_bounds<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>, boxing: Boxing) -> Self {
        let found = bounds.find_map(|bound| {
            let TypeParamBound::Trait(bound) = bound else {
                return None;
            };
            let last = bound.path.segments.last()?;
            let kind = match &*last.ident.to_string() {
                "Future" | "FusedFuture" | "TryFuture" => Kind::Future,
                "Stream" | "FusedStream" | "TryStream" => Kind::Stream,
                _ => return None,
            };
            Some(Self::lazy(kind, boxing, associated(last)))
        });
        found.unwrap_or(Self::Value)
    }

    fn lazy(kind: Kind, boxing: Boxing, yields: Option<&Type>) -> Self {
        let named = yields.map_or_else(|| quote!(_), nameable);
        match kind {
            Kind::Future => Self::Future {
                boxing,
                output: named,
                then: Box::new(yields.map_or(Self::Value, Self::of)),
            },
            Kind::Stream => Self::Stream {
                boxing,
                item: named,
            },
        }
    }

    fn inside(ty: &Type, container: fn(Box<Self>) -> Self) -> Self {
        match Self::of(ty) {
            Self::Value => Self::Value,
            lazy => container(Box::new(lazy)),
        }
    }
}

/// A type as the body of a function can name it: every `impl Trait` becomes `_`.
pub(crate) fn nameable(ty: &Type) -> TokenStream {
    struct Erase;
    impl VisitMut for Erase {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Type::ImplTrait(opaque) = ty {
                let span = opaque.span();
                *ty = syn::parse_quote_spanned!(span=> _);
            } else {
                syn::visit_mut::visit_type_mut(self, ty);
            }
        }
    }
    let mut ty = ty.clone();
    Erase.visit_type_mut(&mut ty);
    ty.to_token_stream()
}

/// The `T` of `Box<T>`.
fn boxed(ty: &Type) -> Option<&Type> {
    let Type::Path(ty) = ty else { return None };
    let last = ty.path.segments.last()?;
    (last.ident == "Box").then(|| types(last).next())?
}

/// The types among the arguments of a path's segment.
fn types(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    arguments(segment).filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The `T` of `Future<Output = T>` or `Stream<Item = T>`.
fn associated(segment: &PathSegment) -> Option<&Type> {
    arguments(segment).find_map(|argument| match argument {
        GenericArgument::AssocType(ty) if ty.ident == "Output" || ty.ident == "Item" => {
            Some(&ty.ty)
        }
        _ => None,
    })
}

fn arguments(segment: &PathSegment) -> impl Iterator<Item = &GenericArgument> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten()
}
