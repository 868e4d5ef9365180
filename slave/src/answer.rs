//! What an expression answered, as text.

use imprint_model::{ClassIndex, Oop};
use imprint_vm::{Outcome, Vm};

/// What an image that was made of one expression answers: a number or a string is shown.
/// Nothing is run for it, so that asking pulls nothing and needs nothing.
pub fn returned_text(vm: &Vm, outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Returned(value) => plain_text(vm, *value),
        _ => None,
    }
}

/// The value of an expression: as [`returned_text`], and of other objects the name of the class.
pub fn answer_text(vm: &Vm, value: Oop) -> String {
    plain_text(vm, value).unwrap_or_else(|| {
        let index = vm.heap.class_index_of(value);
        let mut names = vm.names.class_names();
        match names.find(|name| vm.names.class_index(name) == Some(index)) {
            Some(name) if name.starts_with(['A', 'E', 'I', 'O', 'U']) => format!("an {name}"),
            Some(name) => format!("a {name}"),
            None => "an object".to_string(),
        }
    })
}

fn plain_text(vm: &Vm, value: Oop) -> Option<String> {
    if let Some(number) = value.as_small_integer() {
        return Some(number.to_string());
    }
    match vm.heap.class_index_of(value) {
        ClassIndex::LARGE_POSITIVE => return Some(decimal(vm.heap.bytes(value))),
        ClassIndex::LARGE_NEGATIVE => return Some(format!("-{}", decimal(vm.heap.bytes(value)))),
        _ => {}
    }
    vm.heap.string_text(value)
}

/// The decimal digits of a large integer, whose bytes come lowest first. Its image may be too slim
/// to print it.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u16];
    for byte in bytes.iter().rev() {
        let mut carry = u16::from(*byte);
        for digit in &mut digits {
            let sum = *digit * 256 + carry;
            *digit = sum % 10;
            carry = sum / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(u16::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn large_integers_are_shown_in_decimal() {
        let rows: [(&[u8], &str); 4] = [
            (&[0], "0"),
            (&[255, 0], "255"),
            (&[0, 0, 0, 0, 1], "4294967296"),
            (&[255; 8], "18446744073709551615"),
        ];
        for (bytes, expected) in rows {
            assert_eq!(decimal(bytes), expected);
        }
    }
}
