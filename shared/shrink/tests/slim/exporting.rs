//! Spur files of slim images: sound for stock virtual machines, and the same to run.

use imprint_image::{ImageInfo, read_image, stock_faults};
use imprint_vm::Outcome;

use crate::shrinking::{run_alone, shrink};

const HEADER_WORDS: usize = 16;
/// nil, false, true, two words each.
const FREE_LIST: usize = HEADER_WORDS + 6;
const HIDDEN_ROOTS: usize = FREE_LIST + 65;
const FIRST_PAGE: usize = HIDDEN_ROOTS + 4106;

fn spur_of(source: &str) -> Vec<u8> {
    let (slim, _) = shrink(source, &[]);
    slim.spur().expect("it can be written")
}

#[test]
fn an_export_is_sound_and_answers_the_same() {
    for source in [
        "2 + 3",
        "20 factorial printString",
        "(3 @ 4) printString",
        "[ 1 / 0 ] on: ZeroDivide do: [ :error | error messageText ]",
        "(OrderedCollection new add: 3; yourself) first",
    ] {
        let (slim, _) = shrink(source, &[]);
        let spur = slim.spur().expect("it can be written");
        assert_eq!(stock_faults(&spur), Vec::<String>::new(), "{source}");
        let (compact, _) = slim.compact().expect("it can be written");
        let [one, other] = [compact, spur].map(|file| {
            let (vm, outcome) = run_alone(&file);
            match outcome {
                Outcome::Returned(value) => (value.as_small_integer(), vm.heap.string_text(value)),
                other => panic!("{source}: {other:?}"),
            }
        });
        assert_eq!(one, other, "{source}");
    }
}

#[test]
fn an_export_holds_no_ghost_and_is_written_the_same_each_time() {
    let source = "[ 1 / 0 ] on: ZeroDivide do: [ :error | error messageText ]";
    let file = spur_of(source);
    assert_eq!(file, spur_of(source));
    let image = read_image(&file, imprint_heap::HeapSettings::default()).expect("it opens");
    assert_eq!(ImageInfo::of(&image.heap, "", &[]).ghosts, 0);
}

#[test]
fn each_rule_of_stock_machines_is_looked_after() {
    let whole = spur_of("20 factorial printString");
    // What is changed: word, bits that are turned over, what is said of it.
    let last = whole.len() / 8 - 1;
    let rows: [(usize, u64, &str); 13] = [
        (0, 1, "format and header size"),
        (1, 8, "data size"),
        (2, 1, "base address"),
        (3, 8, "special objects array"),
        (6, 2, "flags"),
        (9, 8, "first segment size"),
        (12, 1, "padding"),
        (HEADER_WORDS, 1 << 55, "transient header bit"),
        (FREE_LIST + 3, 1, "free lists are not empty"),
        (HIDDEN_ROOTS + 1, 7, "no hidden-roots object"),
        (HIDDEN_ROOTS + 3, 8, "page 1 of the class table is none"),
        (FIRST_PAGE + 2 + 51, 7, "index 51 of the class table"),
        (last - 1, 1, "does not end with a bridge"),
    ];
    for (word, bits, says) in rows {
        let mut file = whole.clone();
        let bytes = &mut file[word * 8..][..8];
        let value = u64::from_le_bytes(bytes.try_into().expect("eight")) ^ bits;
        bytes.copy_from_slice(&value.to_le_bytes());
        let faults = stock_faults(&file);
        assert!(
            faults.iter().any(|fault| fault.contains(says)),
            "word {word}: {says}: {faults:?}"
        );
    }
}

#[test]
fn a_damaged_export_is_judged_without_harm() {
    let whole = spur_of("2 + 3");
    let mut seed = 7_u64;
    let mut dice = |limit: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize % limit
    };
    for length in [0, 7, 8, 127, 128, 136, 200, whole.len() - 8] {
        assert!(!stock_faults(&whole[..length]).is_empty(), "{length}");
    }
    let mut judged = 0;
    for _ in 0..400 {
        let mut file = whole.clone();
        let at = dice(file.len());
        file[at] ^= 1 << dice(8);
        judged += usize::from(!stock_faults(&file).is_empty());
    }
    assert!(judged > 100, "{judged}");
}
