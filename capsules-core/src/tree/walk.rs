//! Going through a tree, within limits.

use std::collections::HashSet;

use super::{Limits, Link, Node, Tree};
use crate::index::IndexError;

/// Where children are found.
pub(super) trait Children {
    /// The capsules that name this one as their parent, no more than `most`.
    fn of(&mut self, parent: &Node, most: usize) -> Result<Vec<Node>, IndexError>;
}

/// A tree as it grows. Without recursion, and with no more nodes in memory than the limits
/// allow.
pub(super) struct Walk {
    limits: Limits,
    tree: Tree,
    seen: HashSet<String>,
}

impl Walk {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            tree: Tree::default(),
            seen: HashSet::new(),
        }
    }

    pub(super) fn has_seen(&self, id: &str) -> bool {
        self.seen.contains(id)
    }

    /// Adds a capsule and all that it caused.
    pub(super) fn down(
        &mut self,
        root: Node,
        children: &mut dyn Children,
    ) -> Result<(), IndexError> {
        let mut waiting = vec![root];
        while let Some(mut node) = waiting.pop() {
            if self.tree.nodes.len() == self.limits.nodes {
                self.tree.is_cut = true;
                return Ok(());
            }
            if !self.seen.insert(node.id.clone()) {
                node.link = Link::Circle;
                self.tree.nodes.push(node);
                continue;
            }
            let is_last = node.depth + 1 >= self.limits.depth;
            let taken = self.tree.nodes.len() + 1 + waiting.len();
            let free = self.limits.nodes.saturating_sub(taken);
            // One more than fits tells whether there are more.
            let most = if is_last { 1 } else { free.saturating_add(1) };
            let mut below = children.of(&node, most)?;
            if is_last || below.len() > free {
                node.is_cut = !below.is_empty();
                self.tree.is_cut |= node.is_cut;
                below.truncate(if is_last { 0 } else { free });
            }
            below.sort_by_key(|child| (child.began, child.sequence));
            for child in &mut below {
                child.depth = node.depth + 1;
            }
            waiting.extend(below.into_iter().rev());
            self.tree.nodes.push(node);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Tree {
        self.tree
    }
}
