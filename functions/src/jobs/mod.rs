//! What a schedule invokes.
