//! What a user sees: progress while something runs, the table when it is done, and the same facts as JSON
//! or JUnit XML.
//!
//! The crate knows no heap and no network: callers fill in plain values ([`ShrinkReport`], [`TestRun`],
//! [`PullReport`]) and this crate finds the words. Facts and rendering are apart, so that `--json` says
//! exactly what the table says.
//!
//! Reading order: `shrink` (the facts of the main job), `rows` (its table), `tests` and `junit` (test
//! results), `pulls` (when pulls explode), `screen` (terminal, progress), `columns` and `numbers` (form).

mod columns;
mod junit;
mod numbers;
mod pulls;
mod rows;
mod screen;
mod shrink;
mod tests;

pub use columns::{Align, Columns};
pub use junit::junit_xml;
pub use numbers::{byte_size, count, duration, plural};
pub use pulls::{PullReport, PullSite};
pub use screen::{Audience, Phase, Screen, print};
pub use shrink::{
    FullImage, ImageCounts, Margin, PageCheck, Proof, Pulled, SeedUse, ShrinkReport, SlimImage,
};
pub use tests::{Frame, TestCase, TestCounts, TestOutcome, TestRun, Trouble};
