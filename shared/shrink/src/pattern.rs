//! What a user writes to keep something: `CLASS`, `CLASS>>selector`, `CLASS class>>selector`,
//! `CLASS>>Variable`, a global, `Foo*`, a package.

use imprint_isa::BehaviorName;

use crate::error::ShrinkError;

/// A name in which one `*` may stand for any text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Glob(String);

impl Glob {
    /// Whether a name matches. A name that is the text itself does, also with a `*` in it.
    pub fn matches(&self, name: &str) -> bool {
        if self.0 == name {
            return true;
        }
        let Some((before, after)) = self.0.split_once('*') else {
            return false;
        };
        name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after)
    }
}

impl From<&str> for Glob {
    fn from(text: &str) -> Glob {
        Glob(text.to_string())
    }
}

/// What is to be kept although it was not exercised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeepPattern {
    /// Classes with all their methods, and globals.
    Class(Glob),
    /// Methods and variables.
    Method {
        /// Their classes.
        class: Glob,
        /// Whether of the class side.
        meta: bool,
        /// Their selectors, or names.
        selector: Glob,
    },
    /// All classes and extension methods of packages.
    Package(Glob),
}

impl KeepPattern {
    /// Reads the text of `--keep`.
    ///
    /// # Errors
    /// [`ShrinkError::NoPattern`].
    pub fn parse(text: &str) -> Result<KeepPattern, ShrinkError> {
        let refused = || ShrinkError::NoPattern(text.to_string());
        let trimmed = text.trim();
        let Some((class, selector)) = trimmed.split_once(">>") else {
            return match trimmed {
                "" => Err(refused()),
                name if name.contains(char::is_whitespace) => Err(refused()),
                name => Ok(KeepPattern::Class(name.into())),
            };
        };
        let (class, meta) = match class.strip_suffix(" class") {
            Some(class) => (class, true),
            None => (class, false),
        };
        let selector = selector.trim_start_matches('#');
        let is_whole = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        if !is_whole(class) || !is_whole(selector) {
            return Err(refused());
        }
        Ok(KeepPattern::Method {
            class: class.into(),
            meta,
            selector: selector.into(),
        })
    }

    /// The pattern of `--keep-package`.
    ///
    /// # Errors
    /// [`ShrinkError::NoPattern`] where the text is empty.
    pub fn package(text: &str) -> Result<KeepPattern, ShrinkError> {
        match text.trim() {
            "" => Err(ShrinkError::NoPattern(text.to_string())),
            name => Ok(KeepPattern::Package(name.into())),
        }
    }

    /// Whether a class is meant, with all it has.
    pub fn takes_class(&self, class: &str, package: &str) -> bool {
        match self {
            KeepPattern::Class(glob) => glob.matches(class),
            KeepPattern::Package(glob) => glob.matches(package),
            KeepPattern::Method { .. } => false,
        }
    }

    /// Whether a method is meant; `package` is the one that defines the method.
    pub fn takes_method(&self, behavior: &BehaviorName, selector: &str, package: &str) -> bool {
        match self {
            KeepPattern::Class(glob) => glob.matches(&behavior.class),
            KeepPattern::Package(glob) => glob.matches(package),
            KeepPattern::Method {
                class,
                meta,
                selector: wanted,
            } => {
                *meta == behavior.meta && class.matches(&behavior.class) && wanted.matches(selector)
            }
        }
    }

    /// Whether the value of a variable is meant: a class variable, or of a class side one of the
    /// class's own. A class that is kept keeps its code, and of its variables what was exercised.
    pub fn takes_variable(&self, behavior: &BehaviorName, name: &str) -> bool {
        matches!(self, KeepPattern::Method { .. }) && self.takes_method(behavior, name, "")
    }
}

/// The package that a method's protocol names: that of `*Foo` is `Foo`; else that of its class.
pub fn package_of_method<'a>(protocol: &'a str, package_of_class: &'a str) -> &'a str {
    protocol.strip_prefix('*').unwrap_or(package_of_class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_what_they_name() {
        let rows = [
            ("Foo", "Foo", "bar", true),
            ("Foo", "Foo class", "bar", true),
            ("Foo", "Food", "bar", false),
            ("Foo*", "Food", "bar", true),
            ("Foo>>bar", "Foo", "bar", true),
            ("Foo>>bar", "Foo class", "bar", false),
            ("Foo class>>bar", "Foo class", "bar", true),
            ("Foo class>>#bar", "Foo class", "bar", true),
            ("Foo>>at:*", "Foo", "at:put:", true),
            ("Foo>>*", "Foo", "*", true),
            ("Foo>>*", "Foo", "bar", true),
            ("*Test>>setUp", "FooTest", "setUp", true),
        ];
        for (pattern, behavior, selector, expected) in rows {
            let parsed = KeepPattern::parse(pattern).expect("a pattern");
            let takes = parsed.takes_method(&BehaviorName::parse(behavior), selector, "Package");
            assert_eq!(takes, expected, "{pattern} and {behavior}>>{selector}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_name() {
        for text in ["", "  ", "Foo>>", ">>bar", "Foo bar", "Foo>>a b"] {
            let error = KeepPattern::parse(text).expect_err("no pattern");
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("'{text}' is no keep pattern")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_package_takes_its_classes_and_its_extensions() {
        let pattern = KeepPattern::package("Foo-*").expect("a pattern");
        assert!(pattern.takes_class("Any", "Foo-Core"));
        assert!(!pattern.takes_class("Any", "Bar"));
        assert_eq!(package_of_method("*Foo-Core", "Kernel"), "Foo-Core");
        assert_eq!(package_of_method("accessing", "Kernel"), "Kernel");
    }
}
