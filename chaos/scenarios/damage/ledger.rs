//! The ledger's folder is deleted, or something else is in its place.

use std::path::Path;

use crate::arguments::Options;
use crate::faults::damage::garbage;
use crate::world::audit::Machines;
use crate::world::damaged::Counted;
use crate::world::random::Random;

use super::ruin::{self, named};

/// Puts something else in the place of the ledger's folder.
type Replacement = fn(&Path, &mut Random);

pub(super) fn replaced(options: &Options) {
    let ruin = ruin::build();
    let replacements: [(&str, Replacement); 5] = [
        ("nothing", |folder, _| std::fs::remove_dir_all(folder).unwrap()),
        ("a file", |folder, random| {
            std::fs::remove_dir_all(folder).unwrap();
            std::fs::write(folder, garbage(9000, random)).unwrap();
        }),
        ("an empty folder", |folder, _| {
            std::fs::remove_dir_all(folder).unwrap();
            std::fs::create_dir(folder).unwrap();
        }),
        ("garbage in all of its files", |folder, random| {
            for path in named(folder, "").into_iter().filter(|path| path.is_file()) {
                let length = std::fs::metadata(&path).unwrap().len().max(1);
                std::fs::write(&path, garbage(length, random)).unwrap();
            }
        }),
        ("folders where its files were", |folder, _| {
            for path in named(folder, "").into_iter().filter(|path| path.is_file()) {
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            }
        }),
    ];
    for (place, replacement) in replacements {
        let scene = ruin.copied();
        replacement(&scene.data().join("catalog"), &mut Random::new(options.seed));
        let program = scene.start();
        scene.send(&program, 3);
        let found = scene.settle_after_damage(program, Machines::One);
        assert!(found.lost.is_empty() && found.counted == Counted::default(), "{place}: {found:#?}");
        assert_eq!(found.status, None, "{place}: {found:#?}");
        assert!(!found.said.contains(" ERROR "), "{place}: nothing depends on it: {found:#?}");
        let is_kept = found.kept.iter().any(|name| name.starts_with("catalog.damaged-"));
        let is_damaged = !matches!(place, "nothing" | "an empty folder");
        assert_eq!(is_kept, is_damaged, "{place}: {found:#?}");
        // The one that was made anew fills itself.
        let ledger = scene.run(&["inspect", "ledger"]).stdout;
        assert!(
            ledger.lines().filter(|line| line.starts_with("delivered")).count() >= 9,
            "{place}: {ledger}"
        );
    }
}
