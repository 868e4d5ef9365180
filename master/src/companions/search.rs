//! What is known, round by round, of what a push needs and the image has lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use anyhow::Result;
use imprint_isa::mentions::Mentions;
use imprint_isa::sends::{Receiver, Sent};
use imprint_isa::{BehaviorName, Instruction, MethodDraft, Name};
use imprint_wire::live::{Holding, Inventory, MethodName, Outline, Push};

use super::map::Map;
use super::{Companions, Lacks, Reach, initialiser_of};

/// Classes of which methods consist: where there is a method, there is a place for them.
const STRUCTURE: [&str; 2] = ["AdditionalMethodState", "Pragma"];
/// What more classes inherit from is nobody's own: companions there are not looked at as if they were pushed.
const HEIRS_MAX: usize = 20;
/// What inherits from this is named to be signalled: a companion that does so has failed.
const EXCEPTION: &str = "Exception";
/// Primitives that always fail: the code behind them is what the method does.
const MARKERS: [u16; 2] = [198, 199];

/// Names, and how it stands with them, as far as the image was asked.
#[derive(Default)]
struct Asked {
    methods: HashMap<MethodName, Holding>,
    behaviors: HashMap<BehaviorName, Holding>,
    variables: HashMap<(Name, Name), Holding>,
    globals: HashMap<Name, Holding>,
}

impl Asked {
    fn is_lost(&self, behavior: &BehaviorName) -> bool {
        self.behaviors.get(behavior) == Some(&Holding::Lost)
    }
}

/// How sure it is that code runs which comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Certainty {
    /// It is of the push itself, or of the same classes.
    Pushed,
    /// Something of the push needs it.
    Needed,
    /// It is one of many that a message may mean: of it only what it sends to itself comes too.
    Possible,
}

/// A message that code sends which comes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sending {
    pub sent: Sent,
    /// Where its method stands.
    pub sender: BehaviorName,
    /// Of what the receiver of the method is an instance.
    pub myself: BehaviorName,
    pub certainty: Certainty,
}

/// A method that a message probably means, of what its receiver is an instance then, and how sure that is.
pub(super) type Visit = (MethodName, BehaviorName, Certainty);

/// What was read of a method.
struct Read {
    mentions: Mentions,
    /// Whether its code runs only where a primitive fails.
    may_only_fail: bool,
}

/// What is known so far.
pub(super) struct Search {
    pub(super) map: Map,
    reach: Reach,
    asked: Asked,
    /// Methods and classes that come, those of the push itself among them.
    methods: BTreeSet<MethodName>,
    pub(super) classes: BTreeSet<Name>,
    /// What was read of them.
    mentions: HashMap<MethodName, Read>,
    /// With what receivers they probably run, those among them that have not come yet.
    visits: BTreeMap<(MethodName, BehaviorName), Certainty>,
    sendings: BTreeSet<Sending>,
    /// All selectors that have a name there from now on.
    spelled: BTreeSet<Name>,
    /// Classes that are needed, with what they inherit from.
    named: BTreeSet<Name>,
    /// Those of them whose class side is needed: that code may send to, or that come.
    sided: BTreeSet<Name>,
    /// Classes that the push itself is about or names, and that come: there will be instances of them.
    pub(super) live: BTreeSet<Name>,
    /// Classes that the push is about, and those of them that it brings.
    own: BTreeSet<Name>,
    own_classes: BTreeSet<Name>,
    /// Globals that only failing companions name, or that hold no class, and classes of what is pushed
    /// alone: they stay behind.
    spoken: BTreeSet<Name>,
    /// Globals that hold no class, and that the push itself names.
    globals: BTreeSet<Name>,
    /// Variables that code names, and all those of classes that come along, each with its class.
    variables: BTreeSet<(Name, Name)>,
}

impl Search {
    /// Nothing was looked at.
    pub fn new(outline: &Outline, reach: Reach) -> Search {
        Search {
            map: Map::of(outline),
            reach,
            asked: Asked::default(),
            methods: BTreeSet::new(),
            classes: BTreeSet::new(),
            mentions: HashMap::new(),
            visits: BTreeMap::new(),
            sendings: BTreeSet::new(),
            spelled: BTreeSet::new(),
            named: BTreeSet::new(),
            sided: BTreeSet::new(),
            live: BTreeSet::new(),
            own: BTreeSet::new(),
            own_classes: BTreeSet::new(),
            spoken: BTreeSet::new(),
            globals: BTreeSet::new(),
            variables: BTreeSet::new(),
        }
    }

    /// Looks at what is pushed.
    pub fn begin(&mut self, push: &Push) {
        for method in &push.methods {
            let name = self.mention(&method.draft);
            let globals = self.mentions[&name].mentions.globals.clone();
            for global in globals {
                self.name_directly(&global);
            }
            let behavior = method.draft.behavior.clone();
            self.own.insert(behavior.class.clone());
            self.enliven(&behavior.class);
            self.visit((name, behavior, Certainty::Pushed));
        }
        for class in &push.classes {
            let name = &class.draft.name;
            self.own.insert(name.clone());
            self.own_classes.insert(name.clone());
            self.classes.insert(name.clone());
            self.enliven(name);
        }
        for class in self.live.clone() {
            self.name(&class, true);
        }
    }

    fn name_directly(&mut self, global: &Name) {
        let kept = match self.map.has_class(global) {
            true if self.reach == Reach::Nothing => &mut self.spoken,
            true => &mut self.live,
            false => &mut self.globals,
        };
        kept.insert(global.clone());
    }

    /// Looks at companions.
    pub fn read(&mut self, companions: &Push) {
        for method in &companions.methods {
            let name = self.mention(&method.draft);
            let visits = self.visits_of(&name);
            if visits.is_empty() {
                let behavior = method.draft.behavior.clone();
                self.visit((name, behavior, Certainty::Needed));
            }
            for visit in visits {
                self.follow(&visit);
            }
        }
        for class in &companions.classes {
            let name = &class.draft.name;
            self.classes.insert(name.clone());
            self.enliven(name);
            self.name(name, true);
            let variables = class.draft.class_variables.iter();
            let variables = variables.map(|variable| (name.clone(), variable.clone()));
            self.variables.extend(variables);
        }
    }

    fn visits_of(&self, name: &MethodName) -> Vec<Visit> {
        let visits = self.visits.iter().filter(|((known, _), _)| known == name);
        let visit = |((name, myself), certainty): (&(MethodName, BehaviorName), &Certainty)| {
            (name.clone(), myself.clone(), *certainty)
        };
        visits.map(visit).collect()
    }

    /// Notes that a method probably runs; answers whether that is news.
    fn visit(&mut self, (name, myself, certainty): Visit) -> bool {
        let class = &name.behavior.class;
        let is_own = self.own.contains(class) && self.map.heirs(class) <= HEIRS_MAX;
        // What comes for a class of the push itself is as good as pushed.
        let certainty = match is_own {
            true => Certainty::Pushed,
            false => certainty,
        };
        let place = (name.clone(), myself.clone());
        let known = self.visits.get(&place);
        if known.is_some_and(|known| *known <= certainty) {
            return false;
        }
        self.visits.insert(place, certainty);
        self.follow(&(name, myself, certainty));
        true
    }

    /// Takes in what a method names and sends, once it was read.
    fn follow(&mut self, (name, myself, certainty): &Visit) {
        let Some(read) = self.mentions.get(name) else {
            return;
        };
        let is_possible = *certainty == Certainty::Possible;
        let follows = |sent: &&Sent| !read.may_only_fail && (!is_possible || is_to_itself(sent));
        let sends = read.mentions.sends.iter().filter(follows);
        self.sendings.extend(sends.map(|sent| Sending {
            sent: sent.clone(),
            sender: name.behavior.clone(),
            myself: myself.clone(),
            certainty: *certainty,
        }));
        let stays = is_possible || read.may_only_fail;
        for global in read.mentions.globals.clone() {
            let is_failure = self.map.inherits(&global, EXCEPTION);
            let is_own = self.globals.contains(&global) || self.live.contains(&global);
            match self.map.has_class(&global) && !stays && !is_failure {
                _ if is_own => {}
                true => self.name(&global, true),
                false => {
                    self.spoken.insert(global);
                }
            }
        }
    }

    /// Notes what any method needs to be there at all.
    fn mention(&mut self, method: &MethodDraft) -> MethodName {
        let mentions = Mentions::of(method);
        self.name(&method.behavior.class, method.behavior.meta);
        self.spelled.insert(method.selector.clone());
        self.spelled.extend(mentions.symbols.iter().cloned());
        let sends = mentions.sends.iter().map(|sent| sent.selector.clone());
        self.spelled.extend(sends);
        let literals = mentions.literal_classes.iter();
        for class in literals.filter(|class| !STRUCTURE.contains(&&***class)) {
            self.name(class, false);
        }
        for (class, variable) in &mentions.class_variables {
            self.name(class, false);
            self.variables.insert((class.clone(), variable.clone()));
        }
        let name = MethodName {
            behavior: method.behavior.clone(),
            selector: method.selector.clone(),
        };
        self.methods.insert(name.clone());
        let read = Read {
            mentions,
            may_only_fail: may_only_fail(method),
        };
        self.mentions.insert(name.clone(), read);
        name
    }

    fn enliven(&mut self, class: &Name) {
        if self.map.has_class(class) {
            self.live.insert(class.clone());
        }
    }

    /// Takes in a class with what it inherits from, and with its side where that is needed.
    fn name(&mut self, class: &Name, is_sided: bool) {
        let lineage: Vec<Name> = self.map.lineage(class).cloned().collect();
        if is_sided {
            self.sided.extend(lineage.iter().cloned());
        }
        self.named.extend(lineage);
    }

    /// Asks the image for all that it was not asked yet.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub fn ask(&mut self, lacks: &mut Lacks<'_>) -> Result<()> {
        let asked = &mut self.asked;
        let methods = self.spelled.iter().flat_map(|it| self.map.implementors(it));
        let classes = self.named.iter().filter(|it| self.map.has_class(it));
        let globals = self.globals.union(&self.spoken).cloned().collect();
        let inventory = Inventory {
            methods: methods
                .filter(|it| !asked.methods.contains_key(it))
                .collect(),
            behaviors: classes
                .flat_map(sides)
                .filter(|it| !asked.behaviors.contains_key(it))
                .collect(),
            class_variables: without(&self.variables, &asked.variables),
            globals: without(&globals, &asked.globals),
        };
        if inventory == Inventory::default() {
            return Ok(());
        }
        let said = lacks(&inventory)?;
        let methods = inventory.methods.into_iter();
        asked.methods.extend(methods.zip(said.methods));
        let behaviors = inventory.behaviors.into_iter();
        asked.behaviors.extend(behaviors.zip(said.behaviors));
        let variables = inventory.class_variables.into_iter();
        asked.variables.extend(variables.zip(said.class_variables));
        let globals = inventory.globals.into_iter();
        asked.globals.extend(globals.zip(said.globals));
        Ok(())
    }

    /// What comes along that has not come yet.
    pub fn next(&mut self) -> Companions {
        let mut next = Companions::default();
        if self.reach == Reach::Nothing {
            return next;
        }
        for class in &self.named {
            self.next_class(class, &mut next);
        }
        for (class, _) in self.variables.iter().filter(|it| self.is_variable_lost(it)) {
            self.next_owner(class, &mut next);
        }
        if self.reach == Reach::Sends {
            self.next_methods(&mut next);
        }
        let objects = self.globals.iter();
        let is_lost = |name: &&Name| self.asked.globals.get(*name) == Some(&Holding::Lost);
        next.objects.extend(objects.filter(is_lost).cloned());
        next
    }

    fn next_methods(&mut self, next: &mut Companions) {
        loop {
            let sendings = self.sendings.iter();
            let meant: Vec<Visit> = sendings.flat_map(|sending| self.meant(sending)).collect();
            let mut is_news = false;
            for visit in meant {
                // What is there has run, and has what it needs.
                let comes = self.has_place(&visit.0) && !self.is_here(&visit.0);
                is_news |= comes && self.visit(visit);
            }
            if !is_news {
                break;
            }
        }
        let visited = self.visits.keys().map(|(name, _)| name);
        let lost = visited.filter(|name| self.may_come(name));
        next.methods.extend(lost.cloned());
    }

    fn next_class(&self, class: &Name, next: &mut Companions) {
        let [own, side] = sides(class);
        let lacks_side = self.sided.contains(class) && self.asked.is_lost(&side);
        let is_lost = self.asked.is_lost(&own);
        if !(is_lost || lacks_side) || self.classes.contains(class) {
            return;
        }
        next.classes.insert(class.clone());
        // One that is there has been initialised, whatever of its side is gone.
        if is_lost {
            next.methods.extend(self.initialiser(class));
        }
    }

    /// The class of a variable that was lost: where it has lost all of them, it initialises itself anew.
    fn next_owner(&self, class: &Name, next: &mut Companions) {
        if !self.map.has_class(class) {
            return;
        }
        if !self.classes.contains(class) {
            next.classes.insert(class.clone());
            return;
        }
        let own = self.variables.iter().filter(|(owner, _)| owner == class);
        let is_here = !self.asked.is_lost(&BehaviorName::class(class.clone()));
        let is_own = self.own_classes.contains(class);
        if is_own || !is_here || !own.clone().all(|it| self.is_variable_lost(it)) {
            return;
        }
        if self.map.has_method(&initialiser_of(class)) {
            next.initialised.insert(class.clone());
            next.methods.extend(self.initialiser(class));
        }
    }

    fn is_variable_lost(&self, variable: &(Name, Name)) -> bool {
        self.asked.variables.get(variable) == Some(&Holding::Lost)
    }

    fn initialiser(&self, class: &Name) -> Option<MethodName> {
        let initialize = initialiser_of(class);
        let is_wanted = !self.is_here(&initialize) && !self.methods.contains(&initialize);
        (is_wanted && self.map.has_method(&initialize)).then_some(initialize)
    }

    pub(super) fn is_here(&self, name: &MethodName) -> bool {
        self.asked.methods.get(name) == Some(&Holding::Here)
    }

    /// Whether a method is for a class that is there or comes.
    pub(super) fn has_place(&self, name: &MethodName) -> bool {
        match self.asked.methods.get(name) {
            None => false,
            Some(Holding::Here | Holding::Lost) => true,
            Some(Holding::WithoutClass) => self.classes.contains(&name.behavior.class),
        }
    }

    /// Whether a method was lost, and has not come yet.
    fn may_come(&self, name: &MethodName) -> bool {
        self.has_place(name) && !self.is_here(name) && !self.methods.contains(name)
    }

    /// The methods that stay behind of messages that have a name there, and of classes that come.
    pub fn left_behind(&self, push: &Push) -> Vec<MethodName> {
        let spelled = self.spelled.iter().flat_map(|it| self.map.implementors(it));
        let lost = spelled.filter(|name| self.asked.methods.get(name) == Some(&Holding::Lost));
        let new = self.classes.iter();
        let new = new.filter(|class| self.asked.is_lost(&BehaviorName::class((*class).clone())));
        let own = new.flat_map(sides).flat_map(|it| self.map.methods_of(&it));
        let all: BTreeSet<MethodName> = lost.chain(own).collect();
        let pushed: BTreeSet<MethodName> = push.methods.iter().map(|it| it.name()).collect();
        all.difference(&pushed).cloned().collect()
    }

    /// The globals that stay behind though companions name them.
    pub fn places(&self) -> Vec<Name> {
        let is_lost = |name: &&Name| self.asked.globals.get(*name) == Some(&Holding::Lost);
        let stays = |name: &&Name| !self.classes.contains(*name) && !self.globals.contains(*name);
        let lost = self.spoken.iter().filter(is_lost);
        lost.filter(stays).cloned().collect()
    }
}

fn is_to_itself(sent: &Sent) -> bool {
    matches!(
        sent.receiver,
        Receiver::Myself | Receiver::Super | Receiver::MyClass
    )
}

/// Whether the code of a method runs only where a primitive fails.
fn may_only_fail(method: &MethodDraft) -> bool {
    let first = method.code.instruction_at(0).map(|it| it.instruction);
    matches!(first, Ok(Instruction::CallPrimitive(number)) if !MARKERS.contains(&number))
}

/// A class and its side.
pub(super) fn sides(class: &Name) -> [BehaviorName; 2] {
    [
        BehaviorName::class(class.clone()),
        BehaviorName::meta(class.clone()),
    ]
}

/// What was not asked yet.
fn without<T: Clone + Eq + Hash>(wanted: &BTreeSet<T>, asked: &HashMap<T, Holding>) -> Vec<T> {
    let open = wanted.iter().filter(|it| !asked.contains_key(*it));
    open.cloned().collect()
}
