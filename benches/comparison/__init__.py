"""What benches/compare runs: forebay beside its floor and what its users could pick instead."""
