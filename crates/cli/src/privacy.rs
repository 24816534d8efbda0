//! Requests of people about their data, as somebody at a keyboard makes them: identifiers become a request that is signed,
//! receipts are waited for, and dead letters that name whoever was erased are removed. And all that is held on a person, as files.

pub(crate) mod earlier;
pub(crate) mod export;
pub(crate) mod former;
pub(crate) mod key_file;
mod page;
pub(crate) mod receipts;
pub(crate) mod request;
pub(crate) mod sweep;
