//! The table of a shrink: one row a fact, numbers under numbers.
//!
//! ```text
//! full image    318 classes   6,204 methods   41,877 objects    1.94 MB   built in 58 ms
//! tests         ━━━━━━━━━━━━━━━━━━━━━━━━ 24 of 24                         0.41 s
//! |label        |numbers or a sentence                                    |remark
//! ```
//! Rows have fixed places, because each is printed as soon as it is known.

use std::time::Duration;

use crate::numbers::{byte_size, count, duration, plural, size_parts};
use crate::shrink::{
    FullImage, ImageCounts, Margin, Proof, Pulled, SeedUse, ShrinkReport, SlimImage,
};
use crate::tests::TestRun;

/// Column at which sentences begin.
const SENTENCE_COLUMN: usize = 14;
/// Column at which remarks begin.
const REMARK_COLUMN: usize = 72;
/// Length of a full bar.
const BAR_LENGTH: u64 = 24;

impl ShrinkReport {
    /// The table, without a line end behind it. Bars only where a terminal shows it.
    pub fn rows(&self, with_bars: bool) -> String {
        let mut lines = Vec::new();
        lines.extend(self.full.as_ref().map(FullImage::row));
        lines.extend(self.seed.as_ref().map(SeedUse::row));
        lines.extend(self.tests.as_ref().map(|tests| tests.row(with_bars)));
        lines.extend(self.pulled.as_ref().map(Pulled::row));
        lines.extend(self.pulled.as_ref().and_then(Pulled::price_row));
        lines.extend(self.slim.as_ref().map(SlimImage::row));
        lines.extend(self.margins.iter().map(Margin::row));
        lines.extend(self.proof.as_ref().map(Proof::row));
        lines.extend(self.files_row());
        lines.join("\n")
    }

    /// What must be said beside the rows: failures, faults of the proof, warnings. Empty if all is well.
    pub fn details(&self) -> String {
        let mut text = self
            .tests
            .as_ref()
            .map(TestRun::details)
            .unwrap_or_default();
        if let Some(proof) = &self.proof {
            text.extend(
                proof
                    .faults
                    .iter()
                    .map(|fault| format!("proof failed: {fault}\n")),
            );
            text.push_str(
                &proof
                    .tests
                    .as_ref()
                    .map(TestRun::details)
                    .unwrap_or_default(),
            );
        }
        text.extend(self.pulls.as_ref().map(|pulls| pulls.render()));
        text.extend(
            self.warnings
                .iter()
                .map(|warning| format!("warning: {warning}\n")),
        );
        text
    }

    /// Where the reasons and the log lie.
    pub fn files_row(&self) -> Option<String> {
        let files = self.files.join(", ");
        (!files.is_empty()).then(|| format!("kept because, dropped, and the log: {files}"))
    }
}

impl FullImage {
    /// Its row.
    pub fn row(&self) -> String {
        let remark = self
            .built_in_seconds
            .map(|seconds| format!("built in {}", time(seconds)));
        numbers("full image", &self.counts, &remark.unwrap_or_default())
    }
}

impl TestRun {
    /// Its row, with a bar where a terminal shows it.
    pub fn row(&self, with_bar: bool) -> String {
        let counts = self.counts();
        let summary = counts.summary();
        let text = match with_bar {
            true => format!("{} {summary}", bar(counts.passed, counts.total())),
            false => summary,
        };
        sentence("tests", &text, &time(self.seconds()))
    }
}

impl SeedUse {
    /// Its row: of a seed that holds something, what of it was used.
    pub fn row(&self) -> String {
        if self.name == "empty" {
            let remark = format!(
                "{} of heap before the first pull",
                byte_size(self.heap_bytes)
            );
            return sentence("seed", &self.name, &remark);
        }
        let trips = plural(self.round_trips, "round trip", "round trips");
        numbers(
            "seed",
            &self.counts,
            &format!("agreed on in {trips}   {}", self.name),
        )
    }
}

impl Pulled {
    /// Its row.
    pub fn row(&self) -> String {
        let trips = plural(self.round_trips, "round trip", "round trips");
        numbers("pulled", &self.counts, &format!("in {trips}"))
    }

    /// What the pulled bytes come to; none where nothing was pulled to compare them with.
    pub fn price_row(&self) -> Option<String> {
        let per_method = self.bytes_per_method?;
        let mut text = format!("{} bytes a method", count(per_method.round() as u64));
        if let Some(ratio) = self.bytes_per_byte_kept {
            text.push_str(&format!(", {ratio:.2} bytes a byte kept"));
        }
        let untouched = match self.untouched {
            0 => String::new(),
            number => plural(number, "draft came in vain", "drafts came in vain"),
        };
        Some(sentence("", &text, &untouched))
    }
}

impl SlimImage {
    /// Its row.
    pub fn row(&self) -> String {
        numbers("slim image", &self.counts, &self.file)
    }
}

impl Margin {
    /// Its row.
    pub fn row(&self) -> String {
        let remark = if self.is_chosen {
            format!("--margin {}, chosen", self.name)
        } else {
            format!("--margin {}", self.name)
        };
        numbers("margin", &self.counts, &remark)
    }
}

impl Proof {
    /// Its row.
    pub fn row(&self) -> String {
        let mut parts = Vec::new();
        if self.tests.is_some() {
            parts.push(format!("{} tests alone", self.counts().summary()));
        }
        parts.extend(
            self.page
                .as_ref()
                .map(|page| format!("GET {} {}", page.path, page.status)),
        );
        parts.extend(self.clicks.map(clicks_text));
        if parts.is_empty() {
            parts.push(if self.holds() {
                "runs alone".to_owned()
            } else {
                "does not run alone".to_owned()
            });
        }
        sentence("proof", &parts.join(", "), &time(self.seconds))
    }
}

fn clicks_text(clicks: u64) -> String {
    match clicks {
        0 => "no click counted".to_owned(),
        1 => "one click counted".to_owned(),
        many => format!("{many} clicks counted"),
    }
}

fn numbers(label: &str, counts: &ImageCounts, remark: &str) -> String {
    let (size, unit) = size_parts(counts.bytes);
    let noun =
        |number: u64, one: &'static str, many: &'static str| if number == 1 { one } else { many };
    let cells = format!(
        "{label:<12}{:>5} {:<7}{:>8} {:<7}{:>9} {:<7}{size:>8} {unit}",
        count(counts.classes),
        noun(counts.classes, "class", "classes"),
        count(counts.methods),
        noun(counts.methods, "method", "methods"),
        count(counts.objects),
        noun(counts.objects, "object", "objects"),
    );
    with_remark(&cells, remark)
}

fn sentence(label: &str, text: &str, remark: &str) -> String {
    with_remark(&format!("{label:<SENTENCE_COLUMN$}{text}"), remark)
}

fn with_remark(cells: &str, remark: &str) -> String {
    let width = cells.chars().count();
    let gap = REMARK_COLUMN.saturating_sub(width).max(3);
    format!("{cells}{:gap$}{remark}", "").trim_end().to_owned()
}

fn bar(done: u64, total: u64) -> String {
    let filled = (done * BAR_LENGTH).checked_div(total).unwrap_or(BAR_LENGTH);
    let line = |length: u64, piece: &str| piece.repeat(usize::try_from(length).unwrap_or(0));
    line(filled, "━") + &line(BAR_LENGTH - filled, "╌")
}

fn time(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// A size with its unit, for sentences about images.
impl ImageCounts {
    /// `58 classes, 371 methods, 1,122 objects, 41.3 KB`
    pub fn summary(&self) -> String {
        [
            plural(self.classes, "class", "classes"),
            plural(self.methods, "method", "methods"),
            plural(self.objects, "object", "objects"),
            byte_size(self.bytes),
        ]
        .join(", ")
    }
}

#[cfg(test)]
mod checks {
    use super::*;
    use crate::shrink::PageCheck;
    use crate::tests::{TestCase, TestOutcome};

    fn passing(number: usize) -> TestRun {
        let case = |index| TestCase {
            category: "Counter-Tests".into(),
            class: "CounterTest".into(),
            selector: format!("test{index}"),
            seconds: 0.017,
            outcome: TestOutcome::Passed,
        };
        TestRun {
            name: "Counter".into(),
            cases: (0..number).map(case).collect(),
        }
    }

    fn counts(classes: u64, methods: u64, objects: u64, bytes: u64) -> ImageCounts {
        ImageCounts {
            classes,
            methods,
            objects,
            bytes,
        }
    }

    fn sample() -> ShrinkReport {
        ShrinkReport {
            full: Some(FullImage {
                counts: counts(318, 6_204, 41_877, 1_940_000),
                built_in_seconds: Some(0.058),
            }),
            tests: Some(passing(24)),
            pulled: Some(Pulled {
                counts: counts(61, 402, 1_310, 97_200),
                round_trips: 64,
                untouched: 31,
                bytes_per_byte_kept: Some(0.944),
                bytes_per_method: Some(241.8),
            }),
            slim: Some(SlimImage {
                counts: counts(58, 371, 1_122, 41_300),
                bytes_uncompressed: 103_000,
                file: "counter.image".into(),
            }),
            proof: Some(Proof {
                tests: Some(passing(24)),
                page: Some(PageCheck {
                    path: "/".into(),
                    status: 200,
                }),
                clicks: Some(1),
                seconds: 0.19,
                faults: Vec::new(),
            }),
            files: vec!["counter.manifest.json".into(), "counter.replay".into()],
            ..ShrinkReport::default()
        }
    }

    #[test]
    fn the_table_is_that_of_the_walkthrough() {
        assert_eq!(
            format!("{}\n{}", sample().rows(true), sample().details()),
            include_str!("../goldens/shrink.txt")
        );
        assert!(sample().is_proven());
    }

    #[test]
    fn without_a_terminal_there_are_no_bars() {
        assert!(!sample().rows(false).contains('━'));
        assert!(sample().rows(false).contains("\ntests         24 of 24   "));
    }

    #[test]
    fn numbers_too_wide_for_their_place_push_the_row_and_nothing_runs_together() {
        let row = numbers(
            "full image",
            &counts(1_234_567, 1, 12_345_678_901, 612),
            "x",
        );
        assert_eq!(
            row,
            "full image  1,234,567 classes       1 method 12,345,678,901 objects     612 bytes   x"
        );
    }

    #[test]
    fn a_failed_proof_says_what_is_missing_and_is_not_proven() {
        let mut report = sample();
        report.warnings.push("3 classes differ".into());
        if let Some(proof) = &mut report.proof {
            proof
                .faults
                .push("Counter>>reset is missing; keep it with   --keep 'Counter>>reset'".into());
        }
        assert!(!report.is_proven());
        assert_eq!(
            report.details(),
            "proof failed: Counter>>reset is missing; keep it with   --keep 'Counter>>reset'\n\
             warning: 3 classes differ\n"
        );
    }

    #[test]
    fn what_is_not_known_has_no_row() {
        assert_eq!(ShrinkReport::default().rows(true), "");
        assert!(!ShrinkReport::default().is_proven());
        let eval = Proof {
            seconds: 0.05,
            ..Proof::default()
        };
        assert_eq!(
            eval.row(),
            "proof         runs alone                                                50 ms"
        );
    }

    #[test]
    fn json_says_the_same_and_reads_back() {
        let json = sample().to_json().expect("serialisable");
        assert_eq!(
            serde_json::from_str::<ShrinkReport>(&json).expect("valid"),
            sample()
        );
        assert!(json.contains("\"round_trips\": 64"));
    }

    #[test]
    fn bars_fill_with_what_passed() {
        assert_eq!(bar(12, 24), "━".repeat(12) + &"╌".repeat(12));
        assert_eq!(bar(0, 0), "━".repeat(24));
    }
}
