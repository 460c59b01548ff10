//! Puts the attribute on every public function of a crate's sources.

use std::fs;
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Signature, Visibility};

const ATTRIBUTE: &str = "#[capsules::audit(type = \"system\")] ";

/// What was done to the sources below a directory.
#[derive(Debug, Default)]
pub(crate) struct Annotated {
    pub(crate) functions: usize,
    pub(crate) asynchronous: usize,
    /// The public functions that cannot carry the attribute.
    pub(crate) left_out: Vec<String>,
    /// How many lines the bodies of the others have, in ascending order.
    lines: Vec<usize>,
}

impl Annotated {
    /// The median of the annotated bodies' lines.
    pub(crate) fn median_lines(&self) -> usize {
        self.lines[self.lines.len() / 2]
    }
}

/// Annotates all files below a directory.
pub(crate) fn annotate(directory: &Path) -> Annotated {
    let mut annotated = Annotated::default();
    annotate_all(directory, &mut annotated);
    annotated.left_out.sort();
    annotated.lines.sort_unstable();
    annotated
}

fn annotate_all(directory: &Path, annotated: &mut Annotated) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            annotate_all(&path, annotated);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            fs::write(&path, annotate_source(&source, annotated)).unwrap();
        }
    }
}

/// Inserts the attribute before each public function's visibility: below its other attributes,
/// and without moving a line.
fn annotate_source(source: &str, annotated: &mut Annotated) -> String {
    let mut found = PublicFunctions {
        annotated,
        places: Vec::new(),
    };
    found.visit_file(&syn::parse_file(source).unwrap());
    let mut places = found.places;
    places.sort_unstable();
    let mut text = String::new();
    let mut copied = 0;
    for place in places {
        text += &source[copied..place];
        text += ATTRIBUTE;
        copied = place;
    }
    text + &source[copied..]
}

struct PublicFunctions<'a> {
    annotated: &'a mut Annotated,
    /// Where they begin in the source, in bytes.
    places: Vec<usize>,
}

impl PublicFunctions<'_> {
    fn function(
        &mut self,
        attributes: &[Attribute],
        visibility: &Visibility,
        signature: &Signature,
        body: &Block,
    ) {
        if !matches!(visibility, Visibility::Public(_)) {
            return;
        }
        let caller = attributes.iter().any(|a| a.path().is_ident("track_caller"));
        if signature.constness.is_some() || caller {
            self.annotated.left_out.push(signature.ident.to_string());
            return;
        }
        self.annotated.functions += 1;
        self.annotated.asynchronous += usize::from(signature.asyncness.is_some());
        let braces = body.brace_token.span;
        let lines = braces.close().start().line - braces.open().start().line;
        self.annotated.lines.push(lines.saturating_sub(1).max(1));
        self.places.push(visibility.span().byte_range().start);
    }
}

impl<'ast> Visit<'ast> for PublicFunctions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.vis, &item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.vis, &item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn only_public_functions_are_annotated_and_no_line_moves() {
    let source = "/// ä\npub fn a() {}\nfn b() {}\nimpl C {\n    #[inline]\n    pub async fn d(&self) {}\n    \
                  pub const fn e() {}\n    pub(crate) fn f() {}\n}\n";
    let mut annotated = Annotated::default();
    let text = annotate_source(source, &mut annotated);
    let expected = source
        .replace("pub fn a", &format!("{ATTRIBUTE}pub fn a"))
        .replace("pub async fn d", &format!("{ATTRIBUTE}pub async fn d"));
    assert_eq!(text, expected);
    assert_eq!((annotated.functions, annotated.asynchronous), (2, 1));
    assert_eq!(annotated.left_out, ["e"]);
    assert_eq!(annotated.lines, [1, 1]);
}
