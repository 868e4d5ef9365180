//! What a slim image lost, what others could give it, and what it wants.

use imprint_isa::Name;

use super::{all, each, required};
use crate::live::{Holding, Holdings, Inventory, Outline, OutlinedClass, Want, Wanted};
use crate::{InvalidMessage, pb};

impl From<Outline> for pb::OutlineReport {
    fn from(outline: Outline) -> pb::OutlineReport {
        let class = |class: OutlinedClass| pb::OutlinedClass {
            name: class.name,
            superclass: class.superclass.unwrap_or_default(),
            selectors: class.selectors,
            class_selectors: class.class_selectors,
        };
        pb::OutlineReport {
            classes: outline.classes.into_iter().map(class).collect(),
        }
    }
}

impl From<pb::OutlineReport> for Outline {
    fn from(report: pb::OutlineReport) -> Outline {
        let class = |class: pb::OutlinedClass| OutlinedClass {
            name: class.name,
            superclass: Some(class.superclass).filter(|name| !name.is_empty()),
            selectors: class.selectors,
            class_selectors: class.class_selectors,
        };
        Outline {
            classes: report.classes.into_iter().map(class).collect(),
        }
    }
}

impl From<Inventory> for pb::LacksOrder {
    fn from(inventory: Inventory) -> pb::LacksOrder {
        let variable = |(class, name): (Name, Name)| pb::ClassVariable {
            class_name: class.to_string(),
            name: name.to_string(),
        };
        let variables = inventory.class_variables.into_iter();
        pb::LacksOrder {
            methods: all(inventory.methods),
            behaviors: all(inventory.behaviors),
            class_variables: variables.map(variable).collect(),
            globals: inventory.globals.iter().map(Name::to_string).collect(),
        }
    }
}

impl TryFrom<pb::LacksOrder> for Inventory {
    type Error = InvalidMessage;

    fn try_from(order: pb::LacksOrder) -> Result<Inventory, InvalidMessage> {
        let variables = order.class_variables.into_iter();
        Ok(Inventory {
            methods: each(order.methods)?,
            behaviors: each(order.behaviors)?,
            class_variables: variables
                .map(|it| (it.class_name.into(), it.name.into()))
                .collect(),
            globals: order.globals.into_iter().map(Name::from).collect(),
        })
    }
}

impl From<Holding> for i32 {
    fn from(holding: Holding) -> i32 {
        let holding = match holding {
            Holding::Here => pb::Holding::Here,
            Holding::Lost => pb::Holding::Lost,
            Holding::WithoutClass => pb::Holding::WithoutClass,
        };
        holding.into()
    }
}

impl TryFrom<i32> for Holding {
    type Error = InvalidMessage;

    fn try_from(number: i32) -> Result<Holding, InvalidMessage> {
        match pb::Holding::try_from(number) {
            Ok(pb::Holding::Here) => Ok(Holding::Here),
            Ok(pb::Holding::Lost) => Ok(Holding::Lost),
            Ok(pb::Holding::WithoutClass) => Ok(Holding::WithoutClass),
            Ok(pb::Holding::Unspecified) | Err(_) => Err(InvalidMessage::Invalid("holding")),
        }
    }
}

impl From<Holdings> for pb::LacksReport {
    fn from(holdings: Holdings) -> pb::LacksReport {
        pb::LacksReport {
            methods: all(holdings.methods),
            behaviors: all(holdings.behaviors),
            class_variables: all(holdings.class_variables),
            globals: all(holdings.globals),
        }
    }
}

impl TryFrom<pb::LacksReport> for Holdings {
    type Error = InvalidMessage;

    fn try_from(report: pb::LacksReport) -> Result<Holdings, InvalidMessage> {
        Ok(Holdings {
            methods: each(report.methods)?,
            behaviors: each(report.behaviors)?,
            class_variables: each(report.class_variables)?,
            globals: each(report.globals)?,
        })
    }
}

impl Holdings {
    /// Looks whether something is said of each thing.
    pub(crate) fn check_against(&self, inventory: &Inventory) -> Result<(), InvalidMessage> {
        let pairs = [
            (self.methods.len(), inventory.methods.len()),
            (self.behaviors.len(), inventory.behaviors.len()),
            (self.class_variables.len(), inventory.class_variables.len()),
            (self.globals.len(), inventory.globals.len()),
        ];
        match pairs.iter().all(|(said, asked)| said == asked) {
            true => Ok(()),
            false => Err(InvalidMessage::Missing("holding")),
        }
    }
}

impl From<Want> for pb::Want {
    fn from(want: Want) -> pb::Want {
        use pb::want::What;
        let what = match want.what {
            Wanted::Method(name) => What::Method(name.into()),
            Wanted::Class(name) => What::ClassName(name.to_string()),
            Wanted::Object(name) => What::ObjectName(name.to_string()),
        };
        pb::Want {
            number: want.number,
            what: Some(what),
        }
    }
}

impl TryFrom<pb::Want> for Want {
    type Error = InvalidMessage;

    fn try_from(want: pb::Want) -> Result<Want, InvalidMessage> {
        use pb::want::What;
        let what = match required(want.what, "what is wanted")? {
            What::Method(name) => Wanted::Method(name.try_into()?),
            What::ClassName(name) => Wanted::Class(name.into()),
            What::ObjectName(name) => Wanted::Object(name.into()),
        };
        Ok(Want {
            number: want.number,
            what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::MethodName;
    use imprint_isa::BehaviorName;

    fn method() -> MethodName {
        MethodName {
            behavior: BehaviorName::meta("Foo"),
            selector: "bar".into(),
        }
    }

    #[test]
    fn what_is_asked_of_a_slim_image_and_what_it_says_reads_back() {
        let inventory = Inventory {
            methods: vec![method()],
            behaviors: vec![BehaviorName::class("Foo")],
            class_variables: vec![("Foo".into(), "All".into())],
            globals: vec!["Transcript".into()],
        };
        let order = pb::LacksOrder::from(inventory.clone());
        assert_eq!(Inventory::try_from(order), Ok(inventory.clone()));
        let mut holdings = Holdings {
            methods: vec![Holding::WithoutClass],
            behaviors: vec![Holding::Lost],
            class_variables: vec![Holding::Here],
            globals: vec![Holding::Lost],
        };
        let report = pb::LacksReport::from(holdings.clone());
        assert_eq!(Holdings::try_from(report.clone()), Ok(holdings.clone()));
        assert_eq!(holdings.check_against(&inventory), Ok(()));
        holdings.globals.clear();
        assert!(holdings.check_against(&inventory).is_err());
        let strange = pb::LacksReport {
            methods: vec![0],
            ..report
        };
        assert_eq!(
            Holdings::try_from(strange),
            Err(InvalidMessage::Invalid("holding"))
        );
    }

    #[test]
    fn outlines_and_wants_read_back() {
        let outline = Outline {
            classes: vec![OutlinedClass {
                name: "Foo".into(),
                superclass: None,
                selectors: vec!["bar".into()],
                class_selectors: vec!["new".into()],
            }],
        };
        let report = pb::OutlineReport::from(outline.clone());
        assert_eq!(Outline::from(report), outline);
        for what in [
            Wanted::Method(method()),
            Wanted::Class("Foo".into()),
            Wanted::Object("Foo>>All".into()),
        ] {
            let want = Want { number: 7, what };
            assert_eq!(Want::try_from(pb::Want::from(want.clone())), Ok(want));
        }
        assert!(Want::try_from(pb::Want::default()).is_err());
    }
}
