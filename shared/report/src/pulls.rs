//! When pulls explode: who asked for so much.

use serde::{Deserialize, Serialize};

use crate::columns::{Align, Columns};
use crate::numbers::{byte_size, count};

/// Call sites that show; the rest is summed up.
const SITES_SHOWN: usize = 10;

/// What was pulled, by who asked for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PullReport {
    /// Bytes of all drafts that came.
    pub bytes: u64,
    /// The limit that stopped the run; none if it was not stopped.
    pub limit_bytes: Option<u64>,
    /// The call sites, in any order.
    pub sites: Vec<PullSite>,
}

/// One call site that pulled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PullSite {
    /// Bytes that its pulls brought.
    pub bytes: u64,
    /// How many pulls it made.
    pub pulls: u64,
    /// What it pulled last, e.g. `a ByteSymbol`.
    pub pulled: String,
    /// The Smalltalk stack of its largest pull, innermost frame first.
    pub stack: Vec<String>,
}

impl PullReport {
    /// The report as text: the sites with most bytes first, the stack under each.
    pub fn render(&self) -> String {
        let mut sites: Vec<&PullSite> = self.sites.iter().collect();
        sites.sort_by(|one, other| {
            other
                .bytes
                .cmp(&one.bytes)
                .then_with(|| one.stack.cmp(&other.stack))
        });
        let mut text = self.headline();
        for site in sites.iter().take(SITES_SHOWN) {
            text.push_str(&site_text(site));
        }
        let rest: u64 = sites.iter().skip(SITES_SHOWN).map(|site| site.bytes).sum();
        if rest > 0 {
            let number = count((sites.len() - SITES_SHOWN) as u64);
            text.push_str(&format!(
                "{number} more call sites pulled {}\n",
                byte_size(rest)
            ));
        }
        text
    }

    fn headline(&self) -> String {
        let bytes = byte_size(self.bytes);
        match self.limit_bytes {
            Some(limit) => format!(
                "pulls exploded: {bytes} came, {} were allowed; raise it with   --pull-limit BYTES   or look \
                 at who asked:\n",
                byte_size(limit)
            ),
            None => format!("{bytes} were pulled, most of it for:\n"),
        }
    }
}

fn site_text(site: &PullSite) -> String {
    let mut columns = Columns::new(&[Align::Right, Align::Right, Align::Left]);
    let pulls = if site.pulls == 1 {
        "1 pull".to_owned()
    } else {
        format!("{} pulls", count(site.pulls))
    };
    columns.row([
        format!("{:>9}", byte_size(site.bytes)),
        format!("{pulls:>9}"),
        site.pulled.clone(),
    ]);
    let mut text = columns.render();
    for frame in &site.stack {
        text.push_str(&format!("                {frame}\n"));
    }
    text
}

#[cfg(test)]
mod checks {
    use super::*;

    fn site(bytes: u64, name: &str) -> PullSite {
        PullSite {
            bytes,
            pulls: bytes / 1_000,
            pulled: "an Array".into(),
            stack: vec![format!("{name}>>do:"), "Test>>test".into()],
        }
    }

    #[test]
    fn the_greediest_call_site_comes_first_with_its_stack() {
        let report = PullReport {
            bytes: 4_500,
            limit_bytes: Some(4_000),
            sites: vec![site(1_500, "Small"), site(3_000, "Large")],
        };
        assert_eq!(
            report.render(),
            "pulls exploded: 4.50 KB came, 4.00 KB were allowed; raise it with   --pull-limit BYTES   or \
             look at who asked:\n\
            \x20 3.00 KB     3 pulls   an Array\n\
            \x20               Large>>do:\n\
            \x20               Test>>test\n\
            \x20 1.50 KB      1 pull   an Array\n\
            \x20               Small>>do:\n\
            \x20               Test>>test\n"
        );
    }

    #[test]
    fn beyond_ten_call_sites_only_the_sum_is_told() {
        let sites = (0..12)
            .map(|index| site(1_000 + index, &format!("S{index:02}")))
            .collect();
        let text = PullReport {
            bytes: 12_066,
            limit_bytes: None,
            sites,
        }
        .render();
        assert!(text.starts_with("12.1 KB were pulled, most of it for:\n"));
        assert!(
            text.ends_with("2 more call sites pulled 2.00 KB\n"),
            "{text}"
        );
    }
}
