//! Turns a report into what people and machines read, and into the exit status.
