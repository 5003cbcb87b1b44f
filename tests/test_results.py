"""Counts and jobs."""

from __future__ import annotations

from qkernel.peer import ExpvalJob, Job, JobStatus, RunJob, SampleJob
from qkernel.results import SampleResult


def test_counts_and_frequencies() -> None:
    result = SampleResult([((0, 1), 6), ((1, 1), 3), ((0, 0), 1)], 10)
    assert result.most_common(2) == [((0, 1), 6), ((1, 1), 3)]
    assert result.most_common() == result.results
    assert result.probabilities() == [((0, 1), 0.6), ((1, 1), 0.3), ((0, 0), 0.1)]


def test_jobs_hand_out_their_result() -> None:
    for kind in (SampleJob, RunJob, ExpvalJob):
        job = kind(0.5)
        assert isinstance(job, Job)
        assert job.result() == 0.5
        assert job.status() is JobStatus.COMPLETED
