//! `--never`: variables whose values stay in the full image, whatever is pulled, pushed or shipped.
//!
//! ```text
//!   full image ── the variables become nil, what only they held is collected ──> the image that is served
//! ```
//!
//! So no draft can hold such a value, nobody can ask for it by id, and nothing has to remember on the way that
//! it may not travel. The image that is served has a fingerprint of its own; a log tells which variables were
//! withheld, and so the same image can be made again of the full one.

use anyhow::{Result, bail};
use clap::Args;
use imprint_heap::Heap;
use imprint_isa::{BehaviorName, Name};
use imprint_model::Oop;
use imprint_model::layout::association;
use imprint_vm::install::{MethodDictionary, Names};

use crate::full_image::LiveImage;

/// Name of the options of a plan that tell what was withheld.
pub const NEVER_OPTION: &str = "never";
/// A shorter text may stand elsewhere by chance.
const TEXT_LENGTH_MIN: usize = 4;
/// So many places are named where a text stands too; the rest is counted.
const PLACES_NAMED_MAX: usize = 3;

/// What stays in the full image.
#[derive(Args, Clone, Debug, Default)]
pub struct Never {
    /// Keep the value of a variable in the full image: a class variable, one of a class's own instance
    /// variables, or of a pool; slaves and slim images find nil there.
    #[arg(long, value_name = "CLASS>>VARIABLE")]
    pub never: Vec<String>,
}

impl Never {
    /// The same as options of a plan.
    pub fn options(&self) -> Vec<(String, String)> {
        let option = |text: &String| (NEVER_OPTION.to_string(), text.clone());
        self.never.iter().map(option).collect()
    }

    /// What a plan's options say.
    pub fn of_options(options: &[(String, String)]) -> Never {
        let said = options.iter().filter(|(name, _)| name == NEVER_OPTION);
        Never {
            never: said.map(|(_, text)| text.clone()).collect(),
        }
    }

    /// Takes the values out of an image; warns where one stands elsewhere too.
    ///
    /// # Errors
    /// Where the image has no such variable.
    pub fn withhold(&self, image: &mut LiveImage) -> Result<()> {
        let mut texts = Vec::new();
        for text in &self.never {
            let (holder, slot) = place(text, &image.vm.heap, &image.vm.names)?;
            let heap = &mut image.vm.heap;
            if let Some(secret) = secret_text(heap, heap.slot(holder, slot)) {
                texts.push((text, secret));
            }
            heap.store_nil(holder, slot);
        }
        if self.never.is_empty() {
            return Ok(());
        }
        image.vm.collect(imprint_heap::Collection::Full);
        for (variable, secret) in texts {
            warn_of_copies(variable, &secret, image);
        }
        Ok(())
    }
}

/// The object that holds a variable's value, and the slot.
fn place(text: &str, heap: &Heap, names: &Names) -> Result<(Oop, usize)> {
    let Some((class, variable)) = text.split_once(">>") else {
        bail!("'{text}' names no variable: say --never 'Class>>variable'");
    };
    let class = class.trim().trim_end_matches(" class");
    let Some(object) = names.class_object(heap, class) else {
        bail!("the image has no class {class}, whose {variable} is to be withheld");
    };
    if let Some(binding) = names.class_variable(&class.into(), &variable.into()) {
        return Ok((binding, association::VALUE));
    }
    let own = names.class_side_slots(class);
    match own.iter().find(|(_, name)| &**name == variable) {
        Some((slot, _)) => Ok((object, *slot)),
        None => bail!("{}", no_variable(class, variable, &own, names)),
    }
}

fn no_variable(class: &str, variable: &str, own: &[(usize, Name)], names: &Names) -> String {
    let shared = names.class_variables_of(&class.into());
    let shared = shared.iter().map(|(name, _)| name.to_string());
    let all: Vec<String> = shared
        .chain(own.iter().map(|(_, name)| name.to_string()))
        .collect();
    let has = match all.as_slice() {
        [] => "it has none".to_string(),
        names => format!("it has {}", names.join(", ")),
    };
    format!("{class} has no variable {variable} that is to be withheld; {has}")
}

/// The text of a value that may stand elsewhere.
fn secret_text(heap: &Heap, value: Oop) -> Option<String> {
    let is_string = value.is_object() && !heap.is_symbol(value);
    let text = is_string.then(|| heap.string_text(value)).flatten()?;
    (text.len() >= TEXT_LENGTH_MIN).then_some(text)
}

/// A text that a method holds as a literal travels with the method.
fn warn_of_copies(variable: &str, secret: &str, image: &LiveImage) {
    let (heap, names) = (&image.vm.heap, &image.vm.names);
    let mut copies = 0;
    heap.for_each_object(|oop| {
        let is_raw = heap.format(oop).is_raw() && !heap.is_symbol(oop);
        if is_raw
            && heap
                .string_text(oop)
                .is_some_and(|text| text.contains(secret))
        {
            copies += 1;
        }
    });
    if copies == 0 {
        return;
    }
    let holders = methods_with(secret, heap, names);
    let named = match holders.as_slice() {
        [] => String::new(),
        all => {
            let shown: Vec<&str> = all
                .iter()
                .take(PLACES_NAMED_MAX)
                .map(String::as_str)
                .collect();
            format!(", among them a literal of {}", shown.join(", "))
        }
    };
    eprintln!(
        "warning: the text that {variable} held stands in {copies} other objects too{named}; these are \
         not withheld"
    );
}

fn methods_with(secret: &str, heap: &Heap, names: &Names) -> Vec<String> {
    let mut found = Vec::new();
    let mut classes: Vec<&Name> = names.class_names().collect();
    classes.sort();
    for class in classes {
        for meta in [false, true] {
            let behavior = BehaviorName {
                class: class.clone(),
                meta,
            };
            let Some(oop) = names.behavior(heap, &behavior) else {
                continue;
            };
            let slot = imprint_model::layout::behavior::METHOD_DICTIONARY;
            for (selector, method) in MethodDictionary(heap.slot(oop, slot)).entries(heap) {
                if method.is_object() && holds(secret, heap, method) {
                    let selector = heap.string_text(selector).unwrap_or_default();
                    found.push(format!("{behavior}>>{selector}"));
                }
            }
        }
    }
    found
}

fn holds(secret: &str, heap: &Heap, method: Oop) -> bool {
    let literals = (0..heap.literal_count(method)).map(|index| heap.literal(method, index));
    let mut texts = literals.filter_map(|literal| secret_text(heap, literal));
    texts.any(|text| text.contains(secret))
}
