//! The slave daemon as a library, so that the master can start one out of itself.
