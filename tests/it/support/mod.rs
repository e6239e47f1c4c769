//! What tests share.

pub(crate) mod generated;
pub(crate) mod source;
