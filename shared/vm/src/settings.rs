//! What a machine is told at its making.

use crate::machine::Vm;

/// The limits and switches of a machine.
#[derive(Clone, Debug)]
pub struct VmSettings {
    /// Pages of the frame stack.
    pub stack_pages: usize,
    /// Words of one page.
    pub page_words: usize,
    /// Deepest chain of frames of one process; beyond it `recursionTooDeep` is sent.
    pub depth_max: usize,
    /// Whether sends are cached; off in tests of the caches.
    pub caches: bool,
    /// Sends and backward jumps between two looks at the clock, the outside and the limits.
    pub poll_interval: i32,
    /// Whether a process that was preempted goes to the front of its priority's list (stock
    /// images may say so in their header) in place of the back.
    pub preempted_to_front: bool,
    /// How the process was started, as the image may ask.
    pub command_line: CommandLine,
    /// What surrounds each run: it gets the machine and calls the run with it.
    pub surround: Option<Surround>,
    /// At the so-many-th look at the world the machine panics: for tests of what happens then.
    pub polls_until_panic: Option<u32>,
}

/// See [`VmSettings::surround`].
pub type Surround = fn(&mut Vm, &mut dyn FnMut(&mut Vm));

impl VmSettings {
    /// Counts down to the panic that a test asked for.
    pub(crate) fn before_poll(&mut self) {
        if let Some(polls) = &mut self.polls_until_panic {
            assert!(*polls > 0, "a panic was asked for");
            *polls -= 1;
        }
    }
}

impl Default for VmSettings {
    fn default() -> VmSettings {
        VmSettings {
            stack_pages: 64,
            page_words: 8192,
            depth_max: 200_000,
            caches: true,
            poll_interval: 10_000,
            preempted_to_front: false,
            command_line: CommandLine::default(),
            surround: None,
            polls_until_panic: None,
        }
    }
}

/// How the process was started.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    /// Path of the executable.
    pub vm_path: String,
    /// Path of the image file.
    pub image_path: String,
    /// Options meant for the machine (system attributes -1, -2, ...).
    pub vm_options: Vec<String>,
    /// Arguments meant for the image (system attributes 2, 3, ...).
    pub arguments: Vec<String>,
}
