//! `kinfold explain`, from the state on disk to words, JSON or a picture.

pub(crate) mod attribute;
pub(crate) mod dot;
pub(crate) mod json;
mod names;
pub(crate) mod picture;
mod sentences;
pub(crate) mod svg;
pub(crate) mod text;

pub(crate) use names::Names;
