"""Values of distributions from scipy, as tests/test_certificates.c has them: prints the rows of its tables.

  python3 tests/interop/certify.py
"""
from scipy.stats import beta, binomtest, norm

print("/* k, n, alpha, beta.ppf(alpha, k, n - k + 1) */")
for k, n, alpha in ((1, 1, 0.05), (1, 10, 0.001), (5, 10, 0.5), (10, 10, 0.001), (99, 100, 0.001), (550, 1000, 0.001),
                    (999, 1000, 0.001), (1, 100000, 0.001), (51000, 100000, 0.001), (99999, 100000, 0.001),
                    (100000, 100000, 0.001), (700000, 1000000, 1e-6)):
    print(f"    {{ {k}, {n}, {alpha!r}, {beta.ppf(alpha, k, n - k + 1):.17g} }},")
print("/* p, a, b, beta.ppf(p, a, b) */")
for p, a, b in ((0.3, 0.5, 0.5), (0.9, 2.5, 7), (1e-6, 3, 0.2), (0.5, 40, 60), (0.999, 1, 1)):
    print(f"    {{ {p!r}, {a!r}, {b!r}, {beta.ppf(p, a, b):.17g} }},")
print("/* k, n, binomtest(k, n).pvalue */")
for k, n in ((5, 10), (8, 10), (60, 100), (10, 10), (5200, 10000), (50, 99)):
    print(f"    {{ {k}, {n}, {binomtest(k, n).pvalue:.17g} }},")
print("/* p, norm.ppf(p) */")
for p in (0.5, 0.50001, 0.75, 0.999, 0.9999999, 1e-12, 0.1):
    print(f"    {{ {p!r}, {norm.ppf(p):.17g} }},")
