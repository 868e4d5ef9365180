//! Reading a map by its keys, noting everything that is wrong instead of stopping at the first.

use super::value::Value;
use crate::problem::Defect;

/// A map being read.
pub(crate) struct Fields<'value> {
    value: &'value Value,
    /// What was wrong so far.
    pub(crate) defects: Vec<Defect>,
    asked: Vec<&'static str>,
}

impl<'value> Fields<'value> {
    /// Of a map, or of nothing at all where the value is none.
    pub(crate) fn of(value: &'value Value) -> Self {
        Self {
            value,
            defects: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The class tag of the map.
    pub(crate) fn class(&self) -> Option<&'value str> {
        self.value.class()
    }

    /// What stands under a key; nil counts as nothing.
    pub(crate) fn at(&mut self, key: &'static str) -> Option<&'value Value> {
        self.asked.push(key);
        self.value.at(key).filter(|value| **value != Value::Nil)
    }

    /// A string or symbol; empty if there is none.
    pub(crate) fn text(&mut self, key: &'static str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    /// A string or symbol.
    pub(crate) fn optional_text(&mut self, key: &'static str) -> Option<String> {
        let value = self.at(key)?;
        let text = value.text().map(str::to_owned);
        self.expect(text, key, "a string or symbol")
    }

    /// A list of strings or symbols; a single one counts as a list of one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        self.optional_texts(key).unwrap_or_default()
    }

    /// The same, telling an empty list from none.
    pub(crate) fn optional_texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.at(key)?;
        if let Some(single) = value.text() {
            return Some(vec![single.to_owned()]);
        }
        let elements = value.elements().unwrap_or(&[]);
        let texts: Option<Vec<String>> = elements
            .iter()
            .map(|element| element.text().map(str::to_owned))
            .collect();
        let is_list = value.elements().is_some();
        self.expect(
            texts.filter(|_| is_list),
            key,
            "a list of strings or symbols",
        )
    }

    /// `true` or `false`; false if there is none.
    pub(crate) fn boolean(&mut self, key: &'static str) -> bool {
        match self.at(key) {
            None | Some(Value::Boolean(false)) => false,
            Some(Value::Boolean(true)) => true,
            Some(_) => self.expect(None, key, "true or false").unwrap_or_default(),
        }
    }

    /// A number of seconds, whole or not.
    pub(crate) fn seconds(&mut self, key: &'static str) -> Option<f64> {
        let seconds = match self.at(key)? {
            // Nobody means more than 2^53 seconds.
            Value::Integer(integer) => i32::try_from(*integer).ok().map(f64::from),
            Value::Float(float) => Some(*float),
            _ => None,
        };
        self.expect(
            seconds.filter(|seconds| *seconds > 0.0),
            key,
            "a positive number of seconds",
        )
    }

    /// A list of anything; a single object counts as a list of one.
    pub(crate) fn values(&mut self, key: &'static str) -> &'value [Value] {
        match self.at(key) {
            None => &[],
            Some(Value::List(elements)) => elements,
            Some(single) => std::slice::from_ref(single),
        }
    }

    /// Notes that a key holds the wrong thing.
    pub(crate) fn wrong(&mut self, key: &str, expected: &'static str) {
        self.defects.push(Defect::WrongValue {
            key: key.to_owned(),
            expected,
        });
    }

    /// Keys of the map that nobody asked for, in its order.
    pub(crate) fn unknown_keys(&self) -> Vec<String> {
        let pairs = self.value.pairs().unwrap_or(&[]);
        let names = pairs.iter().filter_map(|(key, _)| key.text());
        names
            .filter(|name| !self.asked.contains(name))
            .map(str::to_owned)
            .collect()
    }

    fn expect<T>(&mut self, found: Option<T>, key: &str, expected: &'static str) -> Option<T> {
        if found.is_none() {
            self.wrong(key, expected);
        }
        found
    }
}
