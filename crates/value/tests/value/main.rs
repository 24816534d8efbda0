//! What the figures promise, on invented people and on data that others published.

mod cdnow;
mod figures;
mod lifecycle;
