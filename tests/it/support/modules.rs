//! Our own modules as a graph: which of them names something of which other.

use std::collections::BTreeMap;
use std::path::Path;

use super::source::{bare, files, paths, uses, without_tests};

/// A module by its path below the crate: `src/a/b.rs` and `src/a/b/mod.rs` are `a`, `b`.
pub(crate) type Module = Vec<String>;

/// The modules below a folder, without what exists in tests only.
pub(crate) struct Modules(BTreeMap<Module, String>);

impl Modules {
    /// Read every file below `folder`, the crate's root.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut modules: BTreeMap<Module, String> = BTreeMap::new();
        let mut of_tests = Vec::new();
        for file in files(folder) {
            let module = module(file.strip_prefix(folder).unwrap());
            let (source, tests) = without_tests(&bare(&std::fs::read_to_string(&file).unwrap()));
            of_tests.extend(tests.into_iter().map(|name| [module.clone(), vec![name]].concat()));
            modules.entry(module).or_default().push_str(&source);
        }
        // A file behind `#[path = "…"]` is known by its name.
        modules.retain(|module, _| {
            module.last().is_none_or(|name| !name.ends_with("_tests"))
                && !of_tests.iter().any(|tests| module.starts_with(tests))
        });
        Self(modules)
    }

    /// Each module with its source.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Module, &String)> {
        self.0.iter()
    }

    /// Every two modules of which the first names something that the second defines.
    pub(crate) fn names(&self) -> Vec<(&Module, &Module)> {
        let imports: BTreeMap<&Module, _> =
            self.iter().map(|(module, source)| (module, self.imports(module, source))).collect();
        let mut names = Vec::new();
        for (module, source) in self.iter() {
            let mut targets: Vec<&Module> = paths(source)
                .iter()
                .filter_map(|path| self.absolute(module, path).or_else(|| imported(&imports[module], path)))
                .filter_map(|path| self.home(&path, &imports))
                .filter(|home| *home != module)
                .collect();
            targets.sort_unstable();
            targets.dedup();
            names.extend(targets.into_iter().map(|target| (module, target)));
        }
        names
    }

    /// What a module imports or exports anew, by the name under which it does.
    fn imports(&self, module: &Module, source: &str) -> BTreeMap<String, Vec<String>> {
        let brought = uses(source).into_iter().filter_map(|path| self.absolute(module, &path));
        brought.filter_map(|path| Some((path.last()?.clone(), path))).collect()
    }

    /// The path from the crate down, for paths that lead into it.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let is_child = path
            .first()
            .is_some_and(|first| self.0.contains_key(&[module, std::slice::from_ref(first)].concat()));
        if is_child { Some([module, path].concat()) } else { absolute(module, path) }
    }

    /// The module that defines what a path from the crate down names.
    fn home(
        &self,
        path: &[String],
        imports: &BTreeMap<&Module, BTreeMap<String, Vec<String>>>,
    ) -> Option<&Module> {
        let mut path = path.to_vec();
        // A re-export of a re-export is as far as it goes; a name that leads to itself ends, too.
        for _ in 0..5 {
            let depth = (0..=path.len()).rev().find(|depth| self.0.contains_key(&path[..*depth]))?;
            let (module, _) = self.0.get_key_value(&path[..depth])?;
            match path.get(depth).and_then(|name| imports[module].get(name)) {
                Some(other) if !path.starts_with(other) => path = [other, &path[depth + 1..]].concat(),
                _ => return Some(module),
            }
        }
        None
    }
}

/// A path that begins with an imported name, from the crate down.
fn imported(imports: &BTreeMap<String, Vec<String>>, path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    Some([imports.get(first)?, rest].concat())
}

/// The module that a file below the crate's root is.
fn module(file: &Path) -> Module {
    let inside = file.with_extension("");
    let mut module: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
    module
}

/// The path from the crate down, for paths that say so by their first word.
pub(crate) fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let (base, rest): (&[String], &[String]) = match path.first().map(String::as_str)? {
        "crate" | "regfsck" => (&[], &path[1..]),
        "self" => (module, &path[1..]),
        "super" => (&module[..module.len().saturating_sub(ups)], &path[ups..]),
        _ => return None,
    };
    Some([base, rest].concat())
}
