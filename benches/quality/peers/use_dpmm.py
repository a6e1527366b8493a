"""AIM, MST and PrivBayes of the package dpmm; see frame.py for the call.

Its pipelines' defaults: PrivTree cuts numeric columns into some n^(1/3) bins (35 or so) within the declared bounds,
for a tenth of epsilon; the generative model gets the rest, and delta. AIM's model is held to its paper's 80 MB.
"""

from dpmm.pipelines import AIMPipeline, MSTPipeline, PrivBayesPipeline

from frame import Call

PIPELINES = {"aim": AIMPipeline, "mst": MSTPipeline, "privbayes": PrivBayesPipeline}
BINNING_SHARE = 0.1


def main():
    call = Call()
    domain = {
        name: {"lower": known[0], "upper": known[1]} if name in call.spec["numeric"] else {"categories": known}
        for name, known in call.domains.items()
    }
    pipeline = PIPELINES[call.method](
        epsilon=(1 - BINNING_SHARE) * call.epsilon,
        proc_epsilon=BINNING_SHARE * call.epsilon,
        delta=call.delta,
        max_model_size=80 if call.method == "aim" else None,
        n_jobs=1,
    )
    pipeline.fit(call.train, domain, random_state=call.seed)
    call.write(pipeline.generate(n_records=len(call.train), random_state=call.seed))


if __name__ == "__main__":
    main()
