//! Pulling and shrinking, with the real kernel: a full image and a slave in one process.

mod drafts;
mod exporting;
mod proving;
mod pulling;
mod shrinking;
mod world;
