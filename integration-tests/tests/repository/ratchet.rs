//! Limits with named exceptions that may only shrink.

/// Compares sizes with a limit. `exceptions` are names with the size each is allowed to have; a name that
/// is within the limit, or smaller than its entry says, must be taken off or lowered.
#[track_caller]
pub fn check(rule: &str, limit: usize, exceptions: &[(&str, usize)], sizes: &[(String, usize)]) {
    let allowed = |name: &str| {
        exceptions
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, size)| *size)
    };
    let mut faults = Vec::new();
    for (name, size) in sizes {
        match allowed(name) {
            None if *size > limit => faults.push(format!("{name} has {size}, {limit} are allowed")),
            Some(known) if *size > known => {
                faults.push(format!("{name} has grown from {known} to {size}"))
            }
            Some(_) if *size <= limit => {
                faults.push(format!("{name} is within the limit: take it off the list"))
            }
            Some(known) if *size < known => {
                faults.push(format!("{name} has shrunk to {size}: lower its entry"))
            }
            _ => {}
        }
    }
    let is_gone = |name: &str| sizes.iter().all(|(known, _)| known != name);
    let gone = exceptions.iter().filter(|(name, _)| is_gone(name));
    faults.extend(gone.map(|(name, _)| format!("{name} is gone: take it off the list")));
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[cfg(test)]
mod checks {
    use super::check;

    fn fails(exceptions: &[(&str, usize)], size: usize) -> bool {
        let sizes = [("a".to_owned(), size)];
        let result = std::panic::catch_unwind(|| check("rule", 10, exceptions, &sizes));
        result.is_err()
    }

    #[test]
    fn a_ratchet_turns_one_way_only() {
        assert!(!fails(&[], 10));
        assert!(fails(&[], 11));
        assert!(!fails(&[("a", 20)], 20));
        assert!(fails(&[("a", 20)], 21), "grown");
        assert!(fails(&[("a", 20)], 19), "shrunk, entry too generous");
        assert!(fails(&[("a", 20)], 10), "within the limit");
        assert!(fails(&[("b", 20)], 5), "gone");
    }
}
