//! The simulated file system: names, directories and files, each as seen now and as durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{Survival, inode::Inode, parent, random::Random};

#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    inodes: BTreeMap<u64, Inode>,
    inode_next: u64,
    names: BTreeMap<PathBuf, u64>,
    dirs: BTreeSet<PathBuf>,
    durable_names: BTreeMap<PathBuf, u64>,
    durable_dirs: BTreeSet<PathBuf>,
    /// Changes of names since their directory's last sync, in order.
    unsynced: Vec<NameChange>,
    pub(super) locks: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Bind {
        path: PathBuf,
        inode: u64,
    },
    Move {
        from: PathBuf,
        to: PathBuf,
        inode: u64,
    },
    Unbind {
        path: PathBuf,
    },
    MakeDir {
        path: PathBuf,
    },
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>, dirs: &mut BTreeSet<PathBuf>) {
        match self {
            NameChange::Bind { path, inode } => drop(names.insert(path.clone(), *inode)),
            NameChange::Move { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            NameChange::Unbind { path } => drop(names.remove(path)),
            NameChange::MakeDir { path } => drop(dirs.insert(path.clone())),
        }
    }

    /// The directory whose sync makes the change durable.
    fn dir(&self) -> &Path {
        match self {
            NameChange::Bind { path, .. }
            | NameChange::Unbind { path }
            | NameChange::MakeDir { path }
            | NameChange::Move { to: path, .. } => parent(path),
        }
    }
}

impl Image {
    pub(super) fn lookup(&self, path: &Path) -> Option<u64> {
        self.names.get(path).copied()
    }

    pub(super) fn has_dir(&self, dir: &Path) -> bool {
        dir.as_os_str().is_empty() || self.dirs.contains(dir)
    }

    pub(super) fn list(&self, dir: &Path) -> Vec<String> {
        let inside = self.names.keys().filter(|path| parent(path) == dir);
        inside
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect()
    }

    pub(super) fn inode(&self, id: u64) -> &Inode {
        self.inodes
            .get(&id)
            .expect("files are never forgotten while the disk lives")
    }

    pub(super) fn inode_mut(&mut self, id: u64) -> &mut Inode {
        self.inodes
            .get_mut(&id)
            .expect("files are never forgotten while the disk lives")
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.names.values().map(|&id| self.inode(id).len()).sum()
    }

    pub(super) fn add_inode(&mut self) -> u64 {
        self.inode_next += 1;
        self.inodes.insert(self.inode_next, Inode::default());
        self.inode_next
    }

    pub(super) fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names, &mut self.dirs);
        self.unsynced.push(change);
    }

    pub(super) fn add_dirs(&mut self, dir: &Path) {
        let mut missing: Vec<&Path> = dir.ancestors().filter(|dir| !self.has_dir(dir)).collect();
        missing.reverse();
        for path in missing {
            self.change_name(NameChange::MakeDir { path: path.into() });
        }
    }

    pub(super) fn plant(&mut self, path: &Path, bytes: Vec<u8>) {
        self.add_dirs(parent(path));
        self.durable_dirs
            .extend(parent(path).ancestors().map(Path::to_path_buf));
        let id = self.add_inode();
        *self.inode_mut(id) = Inode::durable(bytes);
        self.names.insert(path.into(), id);
        self.durable_names.insert(path.into(), id);
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) {
        let (synced, rest) = std::mem::take(&mut self.unsynced)
            .into_iter()
            .partition(|change| change.dir() == dir);
        self.unsynced = rest;
        let synced: Vec<NameChange> = synced;
        for change in synced {
            change.apply(&mut self.durable_names, &mut self.durable_dirs);
        }
    }

    /// The file system after a cut.
    pub(super) fn survivors(&self, survival: Survival) -> Image {
        let mut random = Random::new(if let Survival::Random(seed) = survival {
            seed
        } else {
            0
        });
        let (names, dirs) = self.surviving_names(survival, &mut random);
        let mut image = Image {
            inode_next: self.inode_next,
            ..Image::default()
        };
        for (path, id) in names {
            if !dirs.contains(parent(&path)) && !parent(&path).as_os_str().is_empty() {
                continue;
            }
            let survivor = self.inode(id).survivor(survival, &mut random);
            image.inodes.entry(id).or_insert(survivor);
            image.names.insert(path, id);
        }
        image.dirs = dirs;
        image.durable_names = image.names.clone();
        image.durable_dirs = image.dirs.clone();
        image
    }

    fn surviving_names(
        &self,
        survival: Survival,
        random: &mut Random,
    ) -> (BTreeMap<PathBuf, u64>, BTreeSet<PathBuf>) {
        let mut names = self.durable_names.clone();
        let mut dirs = self.durable_dirs.clone();
        for change in &self.unsynced {
            let survives = match survival {
                Survival::Nothing => false,
                Survival::Everything => true,
                Survival::Random(_) => random.coin(),
            };
            if survives {
                change.apply(&mut names, &mut dirs);
            }
        }
        (names, dirs)
    }
}
