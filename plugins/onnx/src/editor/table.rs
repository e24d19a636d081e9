//! Lists in order whose items are found by name.

use std::collections::HashMap;

use olive_kit_onnx::proto::{SparseTensorProto, TensorProto, ValueInfoProto};

/// What has a name.
pub(super) trait Named {
    fn name(&self) -> &str;
    fn set_name(&mut self, name: &str);
}

/// A list in order whose items are found by name, also those that share one.
#[derive(Debug)]
pub(super) struct Table<T> {
    items: Vec<Option<T>>,
    places: HashMap<String, Vec<usize>>,
}

impl<T: Named> Table<T> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The first item of this name.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.items[*self.places.get(name)?.first()?].as_ref()
    }

    /// The first item of this name.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.items[*self.places.get(name)?.first()?].as_mut()
    }

    pub(super) fn push(&mut self, item: T) {
        let places = self.places.entry(item.name().to_owned()).or_default();
        places.push(self.items.len());
        self.items.push(Some(item));
    }

    /// Takes out all items of this name, and says whether there were any.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let places = self.places.remove(name);
        for &place in places.iter().flatten() {
            self.items[place] = None;
        }
        places.is_some()
    }

    /// Names all items of one name by another.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        let Some(places) = self.places.remove(from) else { return };
        for &place in &places {
            if let Some(item) = &mut self.items[place] {
                item.set_name(to);
            }
        }
        self.places.entry(to.to_owned()).or_default().extend(places);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }

    pub(super) fn into_items(self) -> Vec<T> {
        self.items.into_iter().flatten().collect()
    }
}

impl<T: Named> From<Vec<T>> for Table<T> {
    fn from(items: Vec<T>) -> Self {
        let mut table = Self { items: Vec::with_capacity(items.len()), places: HashMap::new() };
        for item in items {
            table.push(item);
        }
        table
    }
}

impl Named for ValueInfoProto {
    fn name(&self) -> &str {
        self.name()
    }

    fn set_name(&mut self, name: &str) {
        self.name = Some(name.to_owned());
    }
}

impl Named for TensorProto {
    fn name(&self) -> &str {
        self.name()
    }

    fn set_name(&mut self, name: &str) {
        self.name = Some(name.to_owned());
    }
}

impl Named for SparseTensorProto {
    fn name(&self) -> &str {
        self.values.as_ref().map_or("", TensorProto::name)
    }

    fn set_name(&mut self, name: &str) {
        if let Some(values) = &mut self.values {
            values.name = Some(name.to_owned());
        }
    }
}
