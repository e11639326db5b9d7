//! Every system call fails once, and then all of them for a while.
