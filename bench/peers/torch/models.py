"""PyTorch's side of training and curvature."""

import torch
from nets import Network, fused_attention, leaves, plain_attention, ravel


def training(arrays, options):
    net = Network(arrays, options, True, fused_attention)
    rho, settings = options["rho"], {"lr": options["lr"], "weight_decay": options["weightDecay"], "eps": options["eps"]}

    def stepper(with_sam):
        made = []

        def run():
            if not made:
                made.append((net.parameters(), net.state()))
                made.append(torch.optim.AdamW(made[0][0].values(), **settings))
            (p, state), optimizer = made
            optimizer.zero_grad(set_to_none=True)
            loss = net.loss(p, state)
            loss.backward()
            if with_sam:
                perturb_and_backward(p, {path: x.clone() for path, x in state.items()})
            optimizer.step()
            return {"loss": loss}

        def perturb_and_backward(p, scratch):
            """Foret et al. 2021, algorithm 1, as it is commonly written; the running statistics are those of the first pass."""
            values = list(p.values())
            with torch.no_grad():
                total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm([x.grad for x in values])))
                moves = torch._foreach_mul([x.grad for x in values], float(rho / total))
                torch._foreach_add_(values, moves)
            for x in values:
                x.grad = None
            net.loss(p, scratch).backward()
            with torch.no_grad():
                torch._foreach_sub_(values, moves)

        return run

    return {"step": stepper(False), "sam": stepper(True)}


def curvature(arrays, options):
    net = Network(arrays, options, False, plain_attention)
    fused = Network(arrays, options, False, fused_attention)
    p, state = net.parameters(), net.state()
    v = list(leaves(arrays["v"], options["layout"], net.channels_last).values())
    kept = []

    def named(values):
        return ravel(dict(zip(p, values)))

    def gradient():
        loss = fused.loss(p, state)
        g = torch.autograd.grad(loss, list(p.values()))
        return {"loss": loss, "g": lambda: named(g)}

    def tracked():
        return torch.autograd.grad(net.loss(p, state), list(p.values()), create_graph=True)

    def hvp():
        hv = torch.autograd.grad(tracked(), list(p.values()), v)
        return {"hv": lambda: named(hv)}

    def graph_kept():
        if not kept:
            kept.append(tracked())
        hv = torch.autograd.grad(kept[0], list(p.values()), v, retain_graph=True)
        return {"hv": lambda: named(hv)}

    return {"gradient": gradient, "hvp": hvp, "kept": graph_kept}


def mlp(arrays, options):
    x, y = arrays["x"], arrays["labels"].long()
    p = [arrays[name].requires_grad_() for name in ("w1", "w2", "w3")]

    def step():
        a = torch.nn.functional.gelu(x @ p[0], approximate="tanh")
        b = torch.nn.functional.gelu(a @ p[1], approximate="tanh")
        loss = torch.nn.functional.cross_entropy(b @ p[2], y)
        g = torch.autograd.grad(loss, p)
        with torch.no_grad():
            moved = torch._foreach_add(p, g, alpha=-options["lr"])
        return {"loss": loss, "w1": moved[0], "w2": moved[1], "w3": moved[2]}

    return {"step": step}
