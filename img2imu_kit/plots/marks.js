// marks by matplotlib's letters, of radius r about 0, 0, for every map of points; X is a point that came later
const polygon = (reaches, turn) => (ink, r) => reaches.forEach((reach, i) => {
  const angle = turn + 2 * Math.PI * i / reaches.length;
  ink.lineTo(1.25 * r * reach * Math.cos(angle), 1.25 * r * reach * Math.sin(angle));
});
const MARKS = {
  o: (ink, r) => ink.arc(0, 0, r, 0, 7),
  s: (ink, r) => ink.rect(-0.9 * r, -0.9 * r, 1.8 * r, 1.8 * r),
  "^": polygon([1, 1, 1], -Math.PI / 2),
  v: polygon([1, 1, 1], Math.PI / 2),
  D: polygon([1, 1, 1, 1], 0),
  P: (ink, r) => { ink.rect(-r, -r / 3, 2 * r, r / 1.5); ink.rect(-r / 3, -r, r / 1.5, 2 * r); },
  "*": polygon([1.2, 0.5, 1.2, 0.5, 1.2, 0.5, 1.2, 0.5, 1.2, 0.5], -Math.PI / 2),
  X: polygon([1.4, 0.45, 1.4, 0.45, 1.4, 0.45, 1.4, 0.45], -Math.PI / 4),
};
