//! A search for fair cycles that make no progress.
