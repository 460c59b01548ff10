//! Which action caused which: capsules connected by `parent_id`.
//!
//! What a record says of its parent is under its hash, but need not be true, or possible: parents
//! may be missing, and records that were falsified may name each other in a circle. A tree shows
//! what there is, each capsule once, and marks what does not fit.

mod node;
mod walk;

use std::collections::{HashMap, HashSet};

pub use node::{Link, Node};

use crate::index::{Index, IndexError};
use crate::record::SealedRecord;
use crate::storage::Storage;
use walk::{Children, Walk};

/// Capsules in the order in which they are read: each followed by those that it caused, as they
/// began.
///
/// ```
/// use capsules_core::tree::{Limits, Tree};
///
/// let tree = Tree::of(Vec::new(), Limits::default());
/// assert!(tree.nodes.is_empty() && !tree.is_cut);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tree {
    /// The capsules.
    pub nodes: Vec<Node>,
    /// Whether there are more than the limits allow.
    pub is_cut: bool,
}

/// How much of a tree is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// As many capsules at most.
    pub nodes: usize,
    /// As many generations at most.
    pub depth: usize,
}

impl Limits {
    /// At most so many capsules, and so many generations.
    pub fn new(nodes: usize, depth: usize) -> Self {
        Self { nodes, depth }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(1_000, 64)
    }
}

impl Tree {
    /// A record with all that it caused. Its own parent is not shown. The index has to be
    /// [up to date](Index::update); what it says is compared with the records.
    ///
    /// # Errors
    ///
    /// [`IndexError`] when the store or the index cannot be read.
    pub fn below(
        record: &SealedRecord,
        storage: &dyn Storage,
        index: &Index,
        limits: Limits,
    ) -> Result<Self, IndexError> {
        let root = Node::of(record);
        let link = match parent_of(&root, storage)? {
            Parent::None => Link::Root,
            Parent::Missing => Link::Missing,
            Parent::Record(_) => Link::NotShown,
        };
        grow(Node { link, ..root }, storage, index, limits)
    }

    /// The whole tree that a record belongs to, from the first cause that is on record. Above the
    /// record there are at most as many generations as the limits allow.
    ///
    /// # Errors
    ///
    /// [`IndexError`] when the store or the index cannot be read.
    pub fn around(
        record: &SealedRecord,
        storage: &dyn Storage,
        index: &Index,
        limits: Limits,
    ) -> Result<Self, IndexError> {
        let start = Node::of(record);
        let mut seen = HashSet::from([start.id.clone()]);
        let mut root = start.clone();
        loop {
            let parent = match parent_of(&root, storage)? {
                Parent::None => {
                    root.link = Link::Root;
                    break;
                }
                Parent::Missing => {
                    root.link = Link::Missing;
                    break;
                }
                Parent::Record(parent) => Node::of(&parent),
            };
            if !seen.insert(parent.id.clone()) {
                // There is no first one. The one that was asked for is as good as any.
                root = Node {
                    link: Link::Circle,
                    ..start
                };
                break;
            }
            if seen.len() > limits.depth {
                root.link = Link::NotShown;
                break;
            }
            root = parent;
        }
        grow(root, storage, index, limits)
    }

    /// The trees that these records form among themselves, in their order. Parents that are not
    /// among them are not shown.
    pub fn of(records: Vec<SealedRecord>, limits: Limits) -> Self {
        let nodes: Vec<_> = records.iter().map(Node::of).collect();
        drop(records);
        let parents: HashMap<_, _> = nodes
            .iter()
            .map(|node| (node.id.clone(), node.parent_id.map(|id| id.to_string())))
            .collect();
        let (mut roots, mut inner) = (Vec::new(), Vec::new());
        let mut children: HashMap<String, Vec<Node>> = HashMap::new();
        for node in nodes {
            let link = match node.parent_id.map(|id| id.to_string()) {
                None => Link::Root,
                Some(parent) if parents.contains_key(&parent) => {
                    inner.push(node.id.clone());
                    children.entry(parent).or_default().push(node);
                    continue;
                }
                Some(_) => Link::NotShown,
            };
            roots.push(Node { link, ..node });
        }
        let mut walk = Walk::new(limits);
        let mut known = Known(children);
        for root in roots {
            // What is known already cannot fail to be read.
            let _ = walk.down(root, &mut known);
        }
        for id in inner {
            // What no root leads to is in a circle, or below one.
            if !walk.has_seen(&id)
                && let Some(root) = known.find(in_circle(&id, &parents))
            {
                let link = Link::Circle;
                let _ = walk.down(Node { link, ..root }, &mut known);
            }
        }
        walk.finish()
    }
}

/// Where the parents of a capsule lead to that has no first one.
fn in_circle<'p>(id: &'p str, parents: &'p HashMap<String, Option<String>>) -> &'p str {
    let (mut id, mut seen) = (id, HashSet::new());
    while seen.insert(id)
        && let Some(Some(parent)) = parents.get(id)
    {
        id = parent;
    }
    id
}

fn grow(
    root: Node,
    storage: &dyn Storage,
    index: &Index,
    limits: Limits,
) -> Result<Tree, IndexError> {
    let mut walk = Walk::new(limits);
    walk.down(root, &mut Stored { storage, index })?;
    Ok(walk.finish())
}

enum Parent {
    None,
    Missing,
    Record(Box<SealedRecord>),
}

fn parent_of(node: &Node, storage: &dyn Storage) -> Result<Parent, IndexError> {
    let Some(id) = &node.parent_id else {
        return Ok(Parent::None);
    };
    let parent = storage.get(id)?;
    Ok(parent.map_or(Parent::Missing, |record| Parent::Record(Box::new(record))))
}

/// The children that a store has.
struct Stored<'s> {
    storage: &'s dyn Storage,
    index: &'s Index,
}

impl Children for Stored<'_> {
    fn of(&mut self, parent: &Node, most: usize) -> Result<Vec<Node>, IndexError> {
        let Ok(id) = parent.id.parse() else {
            return Ok(Vec::new());
        };
        let mut children = Vec::new();
        for place in self.index.children(&id, most)? {
            let chain = place.chain.as_deref();
            let record = self.storage.record_at(chain, place.sequence)?;
            let node = record.as_ref().map(Node::of);
            children.extend(node.filter(|node| node.parent_id == Some(id)));
        }
        Ok(children)
    }
}

/// The children that were chosen.
struct Known(HashMap<String, Vec<Node>>);

impl Known {
    fn find(&self, id: &str) -> Option<Node> {
        let mut nodes = self.0.values().flatten();
        nodes.find(|node| node.id == id).cloned()
    }
}

impl Children for Known {
    fn of(&mut self, parent: &Node, most: usize) -> Result<Vec<Node>, IndexError> {
        let children = self.0.get(&parent.id).map_or(&[][..], Vec::as_slice);
        Ok(children.iter().take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests;
