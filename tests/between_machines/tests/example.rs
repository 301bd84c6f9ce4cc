//! The example runs, whether a server listens where it looks or not.

#[allow(dead_code)]
#[path = "../../../examples/cluster.rs"]
mod cluster;

#[test]
fn the_cluster_counts_right() {
    let (value, computed) = cluster::run(3);
    assert_eq!(value, 63);
    assert!(computed <= 9, "{computed} calls");
}
