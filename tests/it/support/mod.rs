//! What tests share.

pub mod sources_fixture;
pub mod stub;
