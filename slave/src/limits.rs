//! The limits of a machine, and how hard it is tested: said once on the command line or in the
//! environment, and the same for every machine of the process.

use std::sync::OnceLock;

use clap::Args;
use imprint_heap::{HeapSettings, Zeal};
use imprint_vm::VmSettings;

/// Limits and stress of all machines of a process.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[command(next_help_heading = "Limits of the machine")]
pub struct Limits {
    /// Most memory that objects may take: bytes, or with K, M or G behind.
    #[arg(
        long,
        global = true,
        value_name = "SIZE",
        env = "IMPRINT_MEMORY_LIMIT",
        value_parser = parse_size
    )]
    pub memory_limit: Option<usize>,
    /// Most activations that a process may have before RecursionTooDeep is signalled in it.
    #[arg(
        long,
        global = true,
        value_name = "COUNT",
        env = "IMPRINT_DEPTH_LIMIT",
        value_parser = clap::value_parser!(u32).range(1000..=100_000_000)
    )]
    pub depth_limit: Option<u32>,
    /// Collect at every N-th look at the world, poison what was freed and verify the heap: slow, to
    /// find defects of the virtual machine.
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "IMPRINT_ZEAL",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub zeal: Option<u32>,
    /// Verify all code of an image that is opened, before anything of it runs.
    #[arg(long, global = true, env = "IMPRINT_VERIFY")]
    pub verify: bool,
    /// Panic at the N-th look at the world, for tests of what happens then.
    #[arg(long, global = true, hide = true, value_name = "N")]
    pub panic_after: Option<u32>,
}

static LIMITS: OnceLock<Limits> = OnceLock::new();

impl Limits {
    /// Makes these the limits of the process; whoever says it first is heard.
    pub fn apply(self) {
        LIMITS.get_or_init(|| self);
    }

    /// As they would be said to another process.
    pub fn arguments(self) -> Vec<String> {
        let said = [
            ("--memory-limit", self.memory_limit.map(|n| n.to_string())),
            ("--depth-limit", self.depth_limit.map(|n| n.to_string())),
            ("--zeal", self.zeal.map(|n| n.to_string())),
        ];
        let with_value = said
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_string(), value?]));
        let verify = self.verify.then(|| "--verify".to_string());
        with_value.flatten().chain(verify).collect()
    }
}

/// The limits of the process.
pub fn limits() -> Limits {
    LIMITS.get().copied().unwrap_or_default()
}

/// Settings of a heap that runs programs.
pub fn heap_settings() -> HeapSettings {
    let standard = HeapSettings::default();
    HeapSettings {
        limit_bytes: limits().memory_limit.unwrap_or(standard.limit_bytes),
        zeal: limits().zeal.map(Zeal::every),
        ..standard
    }
}

/// Whether the code of images is verified before anything of it runs.
pub fn verifies_code() -> bool {
    limits().verify
}

/// Settings of a heap that an image is built in.
pub fn builder_settings() -> HeapSettings {
    HeapSettings {
        collector: HeapSettings::for_builder().collector,
        ..heap_settings()
    }
}

/// Settings of a machine.
pub fn machine_settings() -> VmSettings {
    let standard = VmSettings::default();
    let depth_max = limits().depth_limit.map(|depth| depth as usize);
    VmSettings {
        depth_max: depth_max.unwrap_or(standard.depth_max),
        surround: Some(crate::crash::watched),
        polls_until_panic: limits().panic_after,
        ..standard
    }
}

/// Reads a number of seconds.
///
/// # Errors
/// Where it is no number, or no time that anything may take.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok();
    let seconds = seconds.filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    seconds.ok_or_else(|| format!("say seconds as a number from 0 to {SECONDS_MAX}"))
}

/// More than a month; far above it, reckoning with times might overflow.
const SECONDS_MAX: f64 = 3_000_000.0;

/// Least memory in which an image can begin to run.
const SIZE_MIN: usize = 1 << 20;
/// More than any machine has; above it, reckoning with sizes might overflow.
const SIZE_MAX: usize = 1 << 44;

fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        unit => return Err(format!("'{unit}' is no unit of size; use K, M or G")),
    };
    let number: usize = digits
        .parse()
        .map_err(|_| "a size is a number, with K, M or G behind if need be".to_string())?;
    let bytes = number.saturating_mul(1 << shift);
    if !(SIZE_MIN..=SIZE_MAX).contains(&bytes) {
        return Err("a size is between 1M and 16384G".to_string());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        let cases = [
            ("1048576", Ok(1 << 20)),
            ("2048K", Ok(2 << 20)),
            ("64m", Ok(64 << 20)),
            ("3G", Ok(3 << 30)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text), expected, "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "12", "9999999999999G", "4T", "1 G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_said_to_another_process_is_all_that_was_said() {
        let limits = Limits {
            memory_limit: Some(1 << 20),
            depth_limit: None,
            zeal: Some(7),
            verify: true,
            panic_after: None,
        };
        let said = limits.arguments().join(" ");
        assert_eq!(said, "--memory-limit 1048576 --zeal 7 --verify");
        assert!(Limits::default().arguments().is_empty());
    }
}
