//! Packages into one machine and out of it, on its own thread: each install is a push of its own, with a
//! number and a line in the log, and is taken back as one.
//!
//! Not here: how packages are installed (`imprint_package`). What pulls takes none, since its master knows
//! nothing of what they would bring.

use std::time::Instant;

use imprint_isa::expression::unary;
use imprint_isa::{BehaviorName, MethodDraft, Name, Package};
use imprint_package::{
    Farewell, Installed, Losing, install_aside, is_installed, keeps_books, uninstall_aside,
};
use imprint_vm::Vm;
use imprint_wire::live::{Chore, Conflict, MethodName, Push, PushedClass, PushedMethod};
use imprint_wire::upload::{InstallReport, UninstallReport, Upload};

use super::history::HISTORY_MAX;
use super::pushes::{Pushes, Standing, is_intact, method_in, now_micros};
use crate::ending::sentence_of;
use crate::security::trusted_keys;
use crate::trust::trusted_packages;

/// What classes are told on their class side before they go for good.
const UNLOAD: &str = "unload";

/// Packages that were uploaded, whole and trusted.
pub struct Installing {
    origin: String,
    is_forced: bool,
    packages: Vec<Package>,
}

impl Installing {
    /// Reads an upload.
    ///
    /// # Errors
    /// Where a file of it is not what its maker wrote, or nobody signed it whom this process trusts.
    pub fn read(upload: Upload) -> Result<Installing, String> {
        let keys = trusted_keys().map_err(|error| sentence_of(&error))?;
        let mut packages = Vec::new();
        for file in &upload.files {
            let read = trusted_packages(&file.name, &file.bytes, &keys);
            packages.extend(read.map_err(|error| sentence_of(&error))?);
        }
        Ok(Installing {
            origin: upload.origin,
            is_forced: upload.is_forced,
            packages,
        })
    }

    fn names(&self) -> Vec<Name> {
        self.packages.iter().map(|it| it.name.clone()).collect()
    }

    /// The same as a push: what it replaces, and what can be told of it afterwards.
    fn as_push(&self) -> Push {
        let titled = |package: &Package| format!("{} {}", package.name, package.version);
        let titles = self
            .packages
            .iter()
            .map(|it| titled(it).trim_end().to_owned());
        let titles: Vec<String> = titles.collect();
        let classes = self.packages.iter().flat_map(|package| &package.classes);
        let methods = self.packages.iter().flat_map(|package| &package.methods);
        Push {
            title: format!("package {}", titles.join(", ")),
            origin: self.origin.clone(),
            is_forced: self.is_forced,
            classes: classes
                .map(|class| PushedClass {
                    draft: class.draft.clone(),
                    comment: class.comment.to_string(),
                })
                .collect(),
            methods: methods
                .map(|method| pushed(&method.draft, &method.text))
                .collect(),
            ..Push::default()
        }
    }
}

fn pushed(draft: &MethodDraft, text: &str) -> PushedMethod {
    PushedMethod {
        draft: draft.clone(),
        source: text.to_owned(),
        stamp: String::new(),
    }
}

/// What the image is told before an install is taken back.
fn farewells(push: &Push, installed: &Installed) -> Vec<Chore> {
    let of_class = push.classes.iter().map(|class| {
        let name = class.draft.name.clone();
        (Farewell::to_class(&name), Some(name))
    });
    let of_global = installed.new_globals.iter();
    let of_global = of_global.map(|name| (Farewell::to_global(name), None));
    let chore = |(farewell, for_new_class): (Farewell, Option<Name>)| {
        let (behavior, selector) = farewell.needs;
        Chore {
            needs: MethodName { behavior, selector },
            for_new_class,
            is_before_rollback: true,
            expression: farewell.expression,
        }
    };
    of_class.chain(of_global).map(chore).collect()
}

fn in_the_way(conflicts: &[Conflict]) -> String {
    let sentences = conflicts.iter().map(|conflict| match conflict.number {
        0 => format!(
            "{} was changed in the image since it was pushed",
            conflict.method
        ),
        number => format!(
            "{} was changed by push #{number} of {}",
            conflict.method, conflict.origin
        ),
    });
    let sentences: Vec<String> = sentences.collect();
    format!("{}\nreplace that with --force", sentences.join("\n"))
}

impl Pushes {
    /// Installs packages into the machine.
    ///
    /// # Errors
    /// Why it is refused; nothing was changed.
    pub fn install(&mut self, vm: &mut Vm, order: Installing) -> Result<InstallReport, String> {
        let begin = Instant::now();
        self.refuse_pulling()?;
        let mut push = order.as_push();
        let conflicts = {
            let history = &self.history;
            history.conflicts(&push, |name, it| is_intact(history, vm, name, it))
        };
        if !conflicts.is_empty() && !order.is_forced {
            return Err(in_the_way(&conflicts));
        }
        let losing = match order.is_forced {
            true => Losing::Accepted,
            false => Losing::Refused,
        };
        let keep = &mut self.keep_text;
        let mut keep_text = |draft: &MethodDraft, text: &str| keep(&pushed(draft, text));
        let installed = install_aside(vm, &order.packages, losing, &mut keep_text);
        let installed = installed.map_err(|error| error.to_string())?;
        vm.keep_undos(HISTORY_MAX);
        push.chores = farewells(&push, &installed);
        let made = Standing {
            number: self.history.next_number(),
            when_micros: now_micros(),
            push,
        };
        self.enter(vm, &made);
        self.history.note_packages(order.names());
        self.keep(vm, made.number)?;
        let warning = self.write_down(made.number, &made.push, &installed.losses);
        let mut report = report(&order, made.number, installed);
        report.warnings.extend(warning);
        report.micros = begin.elapsed().as_micros() as u64;
        self.stand(made);
        Ok(report)
    }

    /// Takes a package out of the machine: as pushes are taken back where it came last, and else by what the
    /// image remembers of it.
    ///
    /// # Errors
    /// Why it is refused; nothing was changed.
    pub fn uninstall(&mut self, vm: &mut Vm, package: &str) -> Result<UninstallReport, String> {
        let begin = Instant::now();
        self.refuse_pulling()?;
        let (on_top, is_below) = self.history.pushes_of(package);
        let is_last = on_top > 0 && !is_below;
        let can_take_out = self.keeper.is_none() && keeps_books(vm);
        if !is_last && !can_take_out {
            return Err(why_not(package, on_top > 0 || is_below));
        }
        let mut report = UninstallReport::default();
        if is_last {
            unload(vm, on_top)?;
            report.number = self.take_last_back(vm, on_top)?;
        }
        // An older version may have been there before anything was pushed.
        if can_take_out && (!is_last || is_installed(vm, package)) {
            report.is_final = !self.history.entries().is_empty();
            report.number = self.take_out(vm, package)?;
        }
        report.micros = begin.elapsed().as_micros() as u64;
        Ok(report)
    }

    /// Takes the last pushes back; answers the number of the one before them.
    fn take_last_back(&mut self, vm: &mut Vm, count: usize) -> Result<u32, String> {
        let kept = self.history.entries().len().saturating_sub(count);
        let before = kept
            .checked_sub(1)
            .map(|place| &self.history.entries()[place]);
        let number = before.map_or(0, |entry| entry.number);
        match self.keeper {
            Some(_) => self.forget(number)?,
            None => self.go_back_to(vm, kept, number)?,
        };
        Ok(number)
    }

    /// Takes a package out by what the image remembers of it; answers the number of that.
    fn take_out(&mut self, vm: &mut Vm, package: &str) -> Result<u32, String> {
        uninstall_aside(vm, package).map_err(|error| error.to_string())?;
        vm.keep_undos(0);
        let number = self.history.next_number();
        let push = Push {
            title: format!("package {package} taken out"),
            ..Push::default()
        };
        self.history.cut(
            number,
            |method| method_in(vm, method).is_some(),
            |class| vm.names.class_object(&vm.heap, class).is_some(),
        );
        self.renew_texts();
        if let Some(warning) = self.write_down(number, &push, &[]) {
            tracing::warn!("{warning}");
        }
        Ok(number)
    }

    /// What pulls gets its code from a master, which would know nothing of what packages bring.
    fn refuse_pulling(&self) -> Result<(), String> {
        match self.is_for_runs() {
            true => Err(
                "this slave pulls what it runs; build its master's image with the package, or \
                         install it into that"
                    .to_string(),
            ),
            false => Ok(()),
        }
    }
}

fn why_not(package: &str, is_known: bool) -> String {
    match is_known {
        true => format!(
            "other code came over that of {package} since; take that back first with   slave ctl URL rollback"
        ),
        false => format!("{package} was not installed as a package"),
    }
}

/// Lets classes that go with the last pushes part with what they hold of the outside.
fn unload(vm: &mut Vm, count: usize) -> Result<(), String> {
    for class in vm.classes_to_go(count) {
        let behavior = BehaviorName::meta(class.clone());
        if vm.bring_method(&behavior, &UNLOAD.into()) {
            let nil = vm.heap.nil();
            let told = vm.run_aside(&unary(&class, UNLOAD), nil);
            told.map_err(|why| format!("{behavior}>>{UNLOAD} failed: {why}; nothing was changed"))?;
        }
    }
    Ok(())
}

fn report(order: &Installing, number: u32, installed: Installed) -> InstallReport {
    let names = order
        .packages
        .iter()
        .map(|package| package.name.to_string());
    InstallReport {
        number,
        packages: names.collect(),
        new_classes: installed.new_classes as u32,
        present_classes: installed.present_classes as u32,
        methods: installed.methods as u32,
        objects: installed.objects as u32,
        initialised: installed.initialised as u32,
        migrated: installed.migrated as u32,
        adapted: installed.adapted as u32,
        losses: installed.losses,
        warnings: installed.warnings,
        micros: 0,
    }
}
