//! The sequence of system calls, reviewed.
