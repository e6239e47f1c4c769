//! What was observed, a view for each side; what could not be looked at is in there with its reason.

pub mod cache;
pub mod served;
pub mod storage;
