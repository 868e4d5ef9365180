//! `--never`: variables whose values stay in the full image, whatever is pulled, pushed or shipped.
//!
//! ```text
//!   full image ── the variables become nil, what only they held is collected ──> the image that is served
//! ```
//!
//! So no draft can hold such a value, nobody can ask for it by id, and nothing has to remember on the way that
//! it may not travel. Where its text stands elsewhere too, see [`copies`]. The image that is served has a fingerprint of its own; a log tells which variables were
//! withheld, and so the same image can be made again of the full one.

mod copies;

use anyhow::{Result, bail};
use clap::Args;
use imprint_heap::Heap;
use imprint_isa::Name;
use imprint_model::Oop;
use imprint_model::layout::association;
use imprint_vm::install::Names;

use crate::full_image::LiveImage;
use copies::{Secret, listed};

/// Name of the options of a plan that tell what was withheld.
pub const NEVER_OPTION: &str = "never";

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

    /// Takes the values out of an image, and out of the texts of methods; warns of the latter.
    ///
    /// # Errors
    /// Where the image has no such variable, or something else would take a value along.
    pub fn withhold(&self, image: &mut LiveImage) -> Result<()> {
        if self.never.is_empty() {
            return Ok(());
        }
        let mut secrets = Vec::new();
        for text in &self.never {
            let (holder, slot) = place(text, &image.vm.heap, &image.vm.names)?;
            let heap = &mut image.vm.heap;
            secrets.extend(Secret::of(text, heap, heap.slot(holder, slot)));
            heap.store_nil(holder, slot);
        }
        image.vm.collect(imprint_heap::Collection::Full);
        let blanked = secrets.iter().map(|secret| secret.blank(image));
        let blanked: Vec<Vec<String>> = blanked.collect();
        let refusals = secrets.iter().filter_map(|secret| refusal(secret, image));
        let refusals: Vec<String> = refusals.collect();
        if !refusals.is_empty() {
            bail!("{}", refusals.join("\n"));
        }
        for (secret, places) in secrets.iter().zip(&blanked) {
            tell_blanked(secret, places);
        }
        Ok(())
    }
}

fn tell_blanked(secret: &Secret, places: &[String]) {
    if !places.is_empty() {
        let places = listed(places).join(", ");
        let variable = &secret.variable;
        eprintln!("warning: what {variable} held is blanked in the text of {places}");
    }
}

/// Says what would take a value along, so that it cannot be withheld.
fn refusal(secret: &Secret, image: &LiveImage) -> Option<String> {
    let copies = secret.copies(&image.vm.heap, &image.vm.names);
    (!copies.is_empty()).then(|| {
        format!(
            "what {} holds cannot be withheld, since it would leave with {}; take it out of there: read it \
             from a file or the environment, say",
            secret.variable,
            copies.join(", ")
        )
    })
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
