//! The power is cut before each step.
