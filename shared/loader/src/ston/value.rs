//! A STON value as a tree.

/// What a STON text says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `nil`
    Nil,
    /// `true`, `false`
    Boolean(bool),
    /// An integer of at most 64 bits.
    Integer(i64),
    /// A longer integer, as its decimal digits with sign.
    LargeInteger(String),
    /// `1/2`: numerator and denominator as decimal digits.
    Fraction(String, String),
    /// `314/100s2`: numerator, denominator and scale.
    ScaledDecimal(String, String, u32),
    /// A float; the notation knows neither infinities nor NaN.
    Float(f64),
    /// `'text'`
    String(String),
    /// `#name` or `#'any name'`
    Symbol(String),
    /// `key : value` on its own.
    Association(Box<(Value, Value)>),
    /// `[ ... ]`
    List(Vec<Value>),
    /// `{ key : value, ... }` in the order of the text.
    Map(Vec<(Value, Value)>),
    /// `Class [ ... ]` or `Class { ... }`
    Object {
        /// The class tag.
        class: String,
        /// What follows it.
        body: Body,
    },
    /// `@n`: the n-th object of the text, from 1, see [`Value::resolve`].
    Reference(u32),
}

/// The representation of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `[ ... ]`
    List(Vec<Value>),
    /// `{ ... }`
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// The text of a string or symbol. Tonel version 1 writes names as symbols, later ones as strings.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Symbol(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list, plain or with a class tag.
    pub fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::List(elements)
            | Self::Object {
                body: Body::List(elements),
                ..
            } => Some(elements),
            _ => None,
        }
    }

    /// The pairs of a map, plain or with a class tag.
    pub fn pairs(&self) -> Option<&[(Value, Value)]> {
        match self {
            Self::Map(pairs)
            | Self::Object {
                body: Body::Map(pairs),
                ..
            } => Some(pairs),
            _ => None,
        }
    }

    /// The class tag of an object.
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Object { class, .. } => Some(class),
            _ => None,
        }
    }

    /// What a map holds under a name, be the key a symbol or a string. Of equal keys the last counts.
    pub fn at(&self, name: &str) -> Option<&Value> {
        self.pairs()?
            .iter()
            .rev()
            .find(|(key, _)| key.text() == Some(name))
            .map(|(_, value)| value)
    }

    /// The object a reference stands for, `self` being the whole text's value.
    ///
    /// Objects are numbered from 1, depth first, in the order in which they begin; primitives, references
    /// and the class names of tags are not counted.
    pub fn resolve(&self, reference: u32) -> Option<&Value> {
        let mut remaining = reference.checked_sub(1)?;
        self.find(&mut remaining)
    }

    fn find(&self, remaining: &mut u32) -> Option<&Value> {
        if self.is_counted() {
            match remaining.checked_sub(1) {
                None => return Some(self),
                Some(less) => *remaining = less,
            }
        }
        if let Some(elements) = self.elements() {
            return elements.iter().find_map(|element| element.find(remaining));
        }
        if let Some(pairs) = self.pairs() {
            return pairs
                .iter()
                .find_map(|(key, value)| find_in_pair(key, value, remaining));
        }
        match self {
            Self::Association(pair) => find_in_pair(&pair.0, &pair.1, remaining),
            _ => None,
        }
    }

    fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::List(_) | Self::Map(_) | Self::Object { .. } | Self::Association(_)
        )
    }
}

fn find_in_pair<'value>(
    key: &'value Value,
    value: &'value Value,
    remaining: &mut u32,
) -> Option<&'value Value> {
    key.find(remaining).or_else(|| value.find(remaining))
}
