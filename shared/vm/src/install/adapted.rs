//! A method that comes for a class as it was, when a program has changed the class since.
//!
//! The pristine image knows nothing of what a program does to its classes. What it sends for a shape that
//! was known here is adapted to the shape of now, variables by name; for any other shape it is refused.

use imprint_isa::adaptation::adapt;
use imprint_isa::{Body, MethodDraft};
use imprint_model::Oop;

use super::{InstallError, Installer};

impl Installer<'_> {
    /// The same method for the class as it is by now; `None` where nothing has changed.
    ///
    /// # Errors
    /// Where the code cannot be adapted.
    pub(super) fn adapted(
        &mut self,
        title: &str,
        method: &MethodDraft,
        class: Oop,
    ) -> Result<Option<MethodDraft>, InstallError> {
        if self.presence.is_empty() {
            return Ok(None);
        }
        self.names.renew(self.heap, class);
        let shape = self.names.shape_of(&method.behavior);
        let shape = shape.unwrap_or(method.shape);
        let is_former = shape != method.shape
            && self.names.former_shape_of(&method.behavior) == Some(method.shape);
        let former = self.names.former_instance_variables(&method.behavior);
        let Some(former) = former.filter(|_| is_former) else {
            return Ok(None);
        };
        let spec = self.heap.instance_spec(class);
        if spec.is_some_and(|spec| usize::from(spec.fixed_fields) == former.len()) {
            // Its superclass was reshaped, and its own turn is still to come: its instances are as they were.
            let shape = 0;
            return Ok(Some(MethodDraft {
                shape,
                ..method.clone()
            }));
        }
        let now = self.names.all_instance_variables(&method.behavior);
        let now = now.unwrap_or_default();
        let place = |index: u16| {
            let name = former.get(usize::from(index))?;
            let place = now.iter().position(|variable| variable == name)?;
            u16::try_from(place).ok()
        };
        let mut adapted = MethodDraft {
            shape,
            ..method.clone()
        };
        let blocks = adapted.locals.iter_mut().map(|local| &mut local.body);
        let blocks = blocks.filter_map(|body| match body {
            Body::Code(code) => Some(code),
            _ => None,
        });
        for code in std::iter::once(&mut adapted.code).chain(blocks) {
            let other = adapt(code.header.set, &code.bytecodes, place);
            if let Some(other) = other.map_err(|_| InstallError::Shape(title.to_string()))? {
                code.bytecodes = other.bytes;
            }
        }
        Ok(Some(adapted))
    }
}
