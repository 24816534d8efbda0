//! Disjoint sets of the numbers below a bound, with union by size and path halving (Tarjan and van Leeuwen, 1984).

/// Which numbers belong together.
pub(crate) struct DisjointSets {
    parent: Vec<usize>,
    size: Vec<u32>,
}

impl DisjointSets {
    pub(crate) fn new(bound: usize) -> Self {
        Self { parent: (0..bound).collect(), size: vec![1; bound] }
    }

    /// The representative of a number's set.
    pub(crate) fn find(&mut self, mut x: usize) -> usize {
        while self.parent[x] != x {
            self.parent[x] = self.parent[self.parent[x]];
            x = self.parent[x];
        }
        x
    }

    /// Joins the sets of both; returns the representative.
    pub(crate) fn union(&mut self, a: usize, b: usize) -> usize {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return a;
        }
        let (small, large) = if self.size[a] < self.size[b] { (a, b) } else { (b, a) };
        self.parent[small] = large;
        self.size[large] += self.size[small];
        large
    }
}
