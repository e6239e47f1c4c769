//! What every implementation of a port must do, the doubles of tests included: one suite for each port.

mod registry;
mod storage;
