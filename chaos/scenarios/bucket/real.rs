//! A real store behind a line that plays faults: SeaweedFS.

use std::collections::BTreeMap;

use crate::arguments::Options;
use crate::faults::proxy::{Exchange, Fault, Proxy, When};
use crate::support::s3::On;
use crate::world::bucket::Bucket;
use crate::world::scene::Scene;

use super::super::Scenario;
use super::{AT_LAST, impatient};

pub(crate) fn scenarios(options: &Options) -> Vec<Scenario> {
    if options.weed.is_none() {
        return Vec::new();
    }
    vec![Scenario::long("a_real_store_behind_a_bad_line_has_every_object_once", seaweedfs)]
}

/// What meets puts.
const PUTS: [Fault; 6] = [
    Fault::Flip,
    Fault::LoseAnswer,
    Fault::Twice,
    Fault::Reset,
    Fault::AnswerAfterEffect(409, "ConditionalRequestConflict"),
    Fault::AnswerAfterEffect(500, "InternalError"),
];

/// What meets uploads in parts.
const PARTS: [(On, Fault); 6] = [
    (On::Begin, Fault::LoseAnswer),
    (On::Part, Fault::Flip),
    (On::Part, Fault::LoseAnswer),
    (On::Part, Fault::Twice),
    (On::Complete, Fault::LoseAnswer),
    (On::Complete, Fault::AnswerAfterEffect(404, "NoSuchUpload")),
];

fn seaweedfs(options: &Options) {
    let mut scene = impatient(Scene::with_proxied_seaweedfs(options.weed.as_deref().unwrap()));
    // A real store on a busy machine may take its time.
    scene.unset("FOREBAY_UPLOAD_ATTEMPT_TIMEOUT");
    scene.set("FOREBAY_UPLOAD_MULTIPART_THRESHOLD", "5MiB");
    scene.set("FOREBAY_UPLOAD_MULTIPART_PART_BYTES", "5MiB");
    scene.set("FOREBAY_LOG_SEAL_AFTER", "1s");
    let Bucket::ProxiedSeaweedFs(store, proxy) = &scene.bucket else { unreachable!() };
    let program = scene.start();
    for fault in PUTS {
        proxy.rule(On::Put, When::once(1), fault);
        scene.send(&program, 3);
        assert!(scene.flush(&program), "{fault:?}: {}", program.stderr());
        proxy.heal();
    }
    for (on, fault) in PARTS {
        proxy.rule(on, When::once(1), fault);
        scene.send_huge(&program, 1);
        assert!(scene.flush(&program), "{on:?} {fault:?}: {}", program.stderr());
        proxy.heal();
    }
    // The store is killed amid a part.
    let parts = |exchanges: &[Exchange]| {
        exchanges.iter().filter(|exchange| exchange.on == Some(On::Part) && exchange.bytes > 0).count()
    };
    let before = parts(&proxy.exchanges());
    proxy.limit(2 << 20);
    scene.send_huge(&program, 1);
    let is_under_way = |exchanges: &[Exchange]| parts(exchanges) > before;
    assert!(proxy.wait_until(AT_LAST, is_under_way), "{}", program.stderr());
    store.kill();
    store.start_again();
    proxy.heal();
    assert!(scene.flush(&program), "{}", program.stderr());
    assert_eq!(program.terminate().code, Some(0));
    let found = scene.settle();
    assert!(found.largest_object > 5 << 20, "{found:?}");
    written_once(proxy);
}

/// No key may have been written twice.
fn written_once(proxy: &Proxy) {
    let mut writes: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in proxy.exchanges() {
        if matches!(exchange.on, Some(On::Put | On::Complete)) {
            let taken = exchange.store_said.iter().filter(|status| (200..300).contains(*status)).count();
            *writes.entry(exchange.key).or_default() += taken;
        }
    }
    assert!(writes.values().all(|count| *count == 1), "{writes:?}");
}
